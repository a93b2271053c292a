package spool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// small is a configuration of a queue that is soon full.
func small(t testing.TB, policy OnFull, change func(*Config)) Config {
	return config(t, func(c *Config) {
		c.MaxSize, c.OnFull, c.Sync = 512*exporters.KiB, policy, SyncNever
		if change != nil {
			change(c)
		}
	})
}

// fill writes records of about 1 KiB, of which every tenth is an error, and
// returns the first error of Write.
func fill(t testing.TB, s *Spool, n int) error {
	t.Helper()
	for i := range n {
		r := sinktest.Record(sinktest.ID("s", i))
		r.AddAttributes(attribute.String("filler", strings.Repeat("x", 800)))
		if i%10 == 9 {
			r.Body, r.Severity = attribute.StringValue(sinktest.ID("e", i)), log.SeverityError
		}
		if _, err := s.Write(t.Context(), []record.Record{r}); err != nil {
			return err
		}
		if st := s.Spooled(); st.Bytes > st.Capacity {
			t.Fatalf("record %d: %d bytes on disk, more than %d", i, st.Bytes, st.Capacity)
		}
	}
	return nil
}

func count(all []string, series string) (n int) {
	for _, id := range all {
		if strings.HasPrefix(id, "id-"+series+"-") {
			n++
		}
	}
	return n
}

// drain ends the outage and returns what arrives.
func drain(t *testing.T, s *Spool, sink *outage) []string {
	t.Helper()
	sink.end()
	flushed(t, s)
	st := s.Spooled()
	balanced(t, st)
	if st.Waiting > 0 {
		t.Errorf("%d still wait", st.Waiting)
	}
	return ids(&sink.Memory)
}

func TestDropOldest(t *testing.T) {
	sink := newOutage(errDown)
	s := newSpool(t, sink, small(t, DropOldest, func(c *Config) { c.Reserve = 0.3 }))
	const n = 2000
	if err := fill(t, s, n); err != nil {
		t.Fatal(err)
	}
	st := s.Spooled()
	got := drain(t, s, sink)
	shutdown(t, s)
	if lost := int(st.Dropped["spool_full"]); lost == 0 || len(got)+lost < n || len(got) > 600 {
		t.Errorf("%d arrived, %d dropped, want %d altogether, notices aside", len(got), lost, n)
	}
	if got[len(got)-1] != sinktest.ID("e", n-1) {
		t.Errorf("the newest record to arrive is %s", got[len(got)-1])
	}
	// 512 KiB hold some 450 records, 45 of them errors; the reserve has room
	// for 150, less a header for every six.
	if errs := count(got, "e"); errs < 80 {
		t.Errorf("%d errors of 200 arrived, want what fits into the reserve", errs)
	}
	if others := count(got, "s"); others < 150 {
		t.Errorf("%d others arrived: the reserve is larger than it should be", others)
	}
}

func TestDropOldestWithoutReserve(t *testing.T) {
	sink := newOutage(errDown)
	s := newSpool(t, sink, small(t, DropOldest, func(c *Config) { c.Reserve = 0 }))
	if err := fill(t, s, 2000); err != nil {
		t.Fatal(err)
	}
	got := drain(t, s, sink)
	shutdown(t, s)
	if errs := count(got, "e"); errs == 0 || errs > 60 {
		t.Errorf("%d errors arrived, want their share of 500 records", errs)
	}
}

// Old queues give way before the own one.
func TestDropOldestOfOldQueues(t *testing.T) {
	c := small(t, DropOldest, nil)
	down := newOutage(errDown)
	first := newSpool(t, down, c)
	write(t, first, "old", 0, 1500)
	shutdown(t, first)
	sink := newOutage(errDown)
	s := newSpool(t, sink, c)
	if err := fill(t, s, 400); err != nil {
		t.Fatal(err)
	}
	got := drain(t, s, sink)
	shutdown(t, s)
	if count(got, "s")+count(got, "e") != 400 {
		t.Errorf("%d of 400 new records arrived", count(got, "s")+count(got, "e"))
	}
	if old := count(got, "old"); old == 0 || old == 1500 || got[0] == sinktest.ID("old", 0) && old > 1500 {
		t.Errorf("%d old records arrived", old)
	}
}

func TestDropNewest(t *testing.T) {
	sink := newOutage(errDown)
	s := newSpool(t, sink, small(t, DropNewest, func(c *Config) { c.Reserve = 0.3 }))
	const n = 2000
	if err := fill(t, s, n); err != nil {
		t.Fatal(err)
	}
	lost := int(s.Spooled().Dropped["spool_full"])
	got := drain(t, s, sink)
	shutdown(t, s)
	if len(got)+lost != n {
		t.Errorf("%d arrived and %d were dropped, want %d together", len(got), lost, n)
	}
	// 70 % of 512 KiB hold some 350 records, 35 of them errors.
	if others, errs := count(got, "s"), count(got, "e"); got[0] != sinktest.ID("s", 0) || others < 250 || others > 350 || errs < 120 {
		t.Errorf("%d and %d errors arrived, the first is %s", others, errs, got[0])
	}
}

// A batch in which only a part fits is not refused as a whole.
func TestDropNewestWithinABatch(t *testing.T) {
	sink := newOutage(errDown)
	s := newSpool(t, sink, small(t, DropNewest, func(c *Config) { c.Reserve = 0.5 }))
	recs := sinktest.Records("s", 0, 8000)
	for i := range recs {
		if i >= 4000 {
			recs[i].Severity = log.SeverityFatal
			recs[i].Body = attribute.StringValue(sinktest.ID("e", i))
		}
	}
	if n, err := s.Write(t.Context(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	st := s.Spooled()
	if st.Bytes > st.Capacity || st.Waiting+st.Dropped["spool_full"] != 8000 || st.Dropped["spool_full"] == 0 {
		t.Errorf("%+v", st)
	}
	got := drain(t, s, sink)
	if count(got, "s") < 1000 || count(got, "e") < 1000 {
		t.Errorf("%d and %d arrived", count(got, "s"), count(got, "e"))
	}
	shutdown(t, s)
}

func TestBlock(t *testing.T) {
	c := small(t, Block, nil)
	sink := newOutage(errDown)
	s := newSpool(t, sink, c)
	err := fill(t, s, 2000)
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable || !strings.Contains(err.Error(), "full") {
		t.Fatalf("Write into a full queue: %v", err)
	}
	st := s.Spooled()
	if st.Dropped != nil || st.Waiting != st.Accepted || st.Waiting < 300 {
		t.Errorf("%+v", st)
	}
	got := drain(t, s, sink)
	if len(got) != int(st.Waiting) {
		t.Errorf("%d arrived of %d", len(got), st.Waiting)
	}
	write(t, s, "more", 0, 100)
	shutdown(t, s)
}

// With less of the disk free than is wanted the queue is full.
func TestMinFree(t *testing.T) {
	for _, policy := range []OnFull{DropOldest, DropNewest, Block} {
		t.Run(policy.String(), func(t *testing.T) {
			sink := newOutage(errDown)
			s := newSpool(t, sink, small(t, policy, func(c *Config) { c.MinFree = exporters.Size(1) << 60 }))
			n, err := s.Write(t.Context(), sinktest.Records("s", 0, 10))
			if policy == Block {
				if n != 0 || err == nil {
					t.Errorf("Write = %d, %v", n, err)
				}
			} else if n != 10 || err != nil || s.Spooled().Dropped["spool_full"] != 10 {
				t.Errorf("Write = %d, %v: %+v", n, err, s.Spooled())
			}
			shutdown(t, s)
		})
	}
}

// A record that no queue of that size could hold is the record's fault.
func TestTooLarge(t *testing.T) {
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, small(t, DropOldest, nil))
	recs := sinktest.Records("s", 0, 5)
	recs[2].AddAttributes(attribute.String("huge", strings.Repeat("x", 200<<10)))
	n, err := s.Write(t.Context(), recs)
	if kind, _ := exporters.Classify(err); n != 2 || kind != exporters.KindPoison || !strings.Contains(err.Error(), "max_size") {
		t.Fatalf("Write = %d, %v; want 2 and poison", n, err)
	}
	if n, err := s.Write(t.Context(), recs[3:]); n != 2 || err != nil {
		t.Fatalf("Write of the rest = %d, %v", n, err)
	}
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 0, 2), series("s", 3, 5))
	shutdown(t, s)
}

// Several writers at once do not exceed the bound either.
func TestBoundWithSeveralWriters(t *testing.T) {
	for _, policy := range []OnFull{DropOldest, DropNewest} {
		t.Run(policy.String(), func(t *testing.T) {
			s := newSpool(t, newOutage(errDown), small(t, policy, nil))
			done := make(chan struct{})
			var writers, watcher sync.WaitGroup
			watcher.Go(func() {
				for {
					if st := s.Spooled(); st.Bytes > st.Capacity {
						t.Errorf("%d bytes on disk, more than %d", st.Bytes, st.Capacity)
					} else {
						balanced(t, st)
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
			for w := range 4 {
				writers.Go(func() {
					for i := range 60 {
						if n, err := s.Write(t.Context(), sinktest.Records(string(rune('a'+w)), 50*i, 50)); n != 50 || err != nil {
							t.Errorf("Write = %d, %v", n, err)
						}
					}
				})
			}
			writers.Wait()
			close(done)
			watcher.Wait()
			shutdown(t, s)
			if st := s.Spooled(); st.Accepted != 12000 || st.Dropped["spool_full"] == 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// Drops are told to the destination as soon as there is room, and once.
func TestNotice(t *testing.T) {
	c := small(t, DropNewest, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := newOutage(errDown)
		s := newSpool(t, sink, c)
		drops := 0
		s.Notify(func(err error) {
			if err == nil {
				drops++
			}
		})
		if err := fill(t, s, 1000); err != nil {
			t.Fatal(err)
		}
		lost := s.Spooled().Dropped["spool_full"]
		sink.end()
		time.Sleep(time.Minute)
		var told int64
		notices := uint64(0)
		for _, r := range sink.Records() {
			if r.EventName != "sluice.dropped" {
				continue
			}
			notices++
			n, _ := r.Attr("sluice.dropped.spool_full")
			told += n.AsInt64()
			from, _ := r.Attr("sluice.exporter")
			if body := fmt.Sprintf("sluice: %d records dropped (spool_full %[1]d)", n.AsInt64()); n.AsInt64() > 1 && r.Body.AsString() != body ||
				from.AsString() != "spool" || r.Logger() != "sluice" || r.Severity != log.SeverityWarn || len(r.ResourceAttributes()) == 0 {
				t.Errorf("%+v", r)
			}
		}
		// One may have found room beside a full queue, the other came after it.
		if notices == 0 || notices > 2 || told != int64(lost) || drops == 0 {
			t.Errorf("%d notices tell of %d of %d drops, Notify of %d", notices, told, lost, drops)
		}
		if st := s.Spooled(); st.Noticed != notices || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		shutdown(t, s)
	})
}

// A destination that refuses the notices too is not told of that.
func TestNoticesEnd(t *testing.T) {
	for name, answer := range map[string]func(n int) (int, error){
		"permanent": func(int) (int, error) { return 0, exporters.Permanent(errDown) },
		"poison":    func(int) (int, error) { return 0, exporters.Poison(errDown) },
		"rejected":  func(n int) (int, error) { return n, exporters.Rejected(n, errDown) },
		"panic":     func(int) (int, error) { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, nil)
			synctest.Test(t, func(t *testing.T) {
				sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) { return answer(len(recs)) }}
				s := newSpool(t, sink, c)
				write(t, s, "s", 0, 10)
				time.Sleep(time.Hour)
				if st := s.Spooled(); st.Noticed != 1 || st.Waiting != 0 {
					t.Errorf("%+v", st)
				}
				shutdown(t, s)
			})
		})
	}
}

// A Write whose context ends waits for no turn, and may be sent again.
func TestWriteHonoursItsContext(t *testing.T) {
	s := newSpool(t, new(sinktest.Memory), config(t, nil))
	_ = s.gate.Lock(t.Context())
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	cancel(late)
	n, err := s.Write(ctx, sinktest.Records("s", 0, 1))
	if kind, _ := exporters.Classify(err); n != 0 || !errors.Is(err, late) || kind != exporters.Retryable {
		t.Errorf("Write = %d, %v", n, err)
	}
	s.gate.Unlock()
	shutdown(t, s)
}
