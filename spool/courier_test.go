package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// An outage of days costs nothing, and ends by itself.
func TestRetriesForEver(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := newOutage(errDown)
		s := newSpool(t, sink, c)
		for i := range 20 {
			write(t, s, "s", 10*i, 10)
			time.Sleep(5 * time.Hour)
		}
		calls := sink.Calls()
		if most := int(100*time.Hour/(10*time.Second)) * 2; calls < 1000 || calls > most {
			t.Errorf("%d tries in 100 hours, want pauses of 15 s on average", calls)
		}
		st := s.Spooled()
		if st.Failures != uint64(calls) || st.LastError != errDown.Error() || time.Since(st.FailingSince) < 99*time.Hour {
			t.Errorf("%d calls, %+v", calls, st)
		}
		wantBooks(t, s, 200, 0, 0, 200, "")
		sink.end()
		time.Sleep(time.Minute)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 200))
		wantBooks(t, s, 200, 0, 200, 0, "")
		if st := s.Spooled(); st.LastError != "" || !st.FailingSince.IsZero() || !st.LastDrop.IsZero() {
			t.Errorf("after the outage: %+v", st)
		}
		shutdown(t, s)
	})
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

type busy struct{ time.Duration }

func (b busy) Error() string             { return "busy" }
func (b busy) RetryAfter() time.Duration { return b.Duration }

func TestRetryAfter(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := newOutage(busy{10 * time.Minute})
		s := newSpool(t, sink, c)
		write(t, s, "s", 0, 1)
		synctest.Wait()
		time.Sleep(9 * time.Minute)
		if n := sink.Calls(); n != 1 {
			t.Errorf("%d tries before the time the destination named, want 1", n)
		}
		sink.end()
		time.Sleep(2 * time.Minute)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 1))
		shutdown(t, s)
	})
}

// What is refused for a wrong token stays until that is mended, and is sent no
// more than twice a minute until then.
func TestMisconfigured(t *testing.T) {
	for name, test := range map[string]struct {
		answer error
		tries  int // in ten minutes
	}{
		"401":         {exporters.Misconfigured(errDown), 21},
		"retry after": {exporters.Misconfigured(busy{4 * time.Minute}), 3},
		"soon":        {exporters.Misconfigured(busy{time.Second}), 21},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, nil)
			synctest.Test(t, func(t *testing.T) {
				sink := newOutage(test.answer)
				s := newSpool(t, sink, c)
				told := 0
				s.Notify(func(err error) {
					if err != nil && strings.Contains(err.Error(), test.answer.Error()) {
						told++
					}
				})
				write(t, s, "s", 0, 10)
				time.Sleep(10*time.Minute + time.Second)
				wantBooks(t, s, 10, 0, 0, 10, "")
				if st := s.Spooled(); st.LastError != test.answer.Error() || time.Since(st.FailingSince) < 10*time.Minute {
					t.Errorf("%+v", st)
				}
				if n := sink.Calls(); n != test.tries || told != n {
					t.Errorf("%d tries, want %d; told %d times", n, test.tries, told)
				}
				// Who flushes wants to know now.
				calls := sink.Calls()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if err := s.ForceFlush(ctx); err == nil || !strings.Contains(err.Error(), "10 records wait on disk") || sink.Calls() != calls+1 {
					t.Errorf("ForceFlush: %v, with %d tries", err, sink.Calls()-calls)
				}
				sink.end()
				time.Sleep(5 * time.Minute)
				wantIDs(t, ids(&sink.Memory), series("s", 0, 10))
				wantBooks(t, s, 10, 0, 10, 0, "")
				shutdown(t, s)
			})
			if left := files(t, c.Directory); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// The records that such an answer leaves for the next process are delivered by
// that; those taken beside it are not sent again.
func TestMisconfiguredOverRestart(t *testing.T) {
	c := config(t, nil)
	sink := &answering{answer: func(call, n int) (int, error) {
		if call == 0 {
			return 4, exporters.Rejected(1, exporters.Misconfigured(errDown))
		}
		return 0, exporters.Misconfigured(errDown)
	}}
	s := newSpool(t, sink, c)
	write(t, s, "s", 0, 10)
	shutdown(t, s)
	if st := s.Spooled(); st.Delivered != 3 || st.Waiting != 6+st.Noticed || st.Dropped["rejected"] != 1 {
		t.Errorf("%+v", st)
	}
	next := new(sinktest.Memory)
	s = newSpool(t, next, c)
	flushed(t, s)
	wantIDs(t, ids(next), series("s", 4, 10))
	shutdown(t, s)
}

// Every kind of answer costs what it says, and nothing else.
func TestAnswers(t *testing.T) {
	refuse := errors.New("refused for token=s3cr3t-c4n4ry-0123456789")
	for name, test := range map[string]struct {
		answer  func(call int, n int) (int, error) // what the sink does with n records
		arrive  []string
		dropped string
		buried  []string
	}{
		"takes a part": {
			answer: func(call, n int) (int, error) { return min(n, 3), nil },
			arrive: series("s", 0, 10),
		},
		"takes a part, and fails": {
			answer: func(call, n int) (int, error) { return min(n, 3), errDown },
			arrive: series("s", 0, 10),
		},
		"permanent": {
			answer: func(call, n int) (int, error) {
				if call == 0 {
					return 4, exporters.Permanent(refuse)
				}
				return n, nil
			},
			arrive: series("s", 0, 4), dropped: "permanent 6", buried: series("s", 4, 10),
		},
		"poison": {
			answer: func(call, n int) (int, error) {
				if call < 2 {
					return 2, exporters.Poison(refuse)
				}
				return n, nil
			},
			arrive: slices.Concat(series("s", 0, 2), series("s", 3, 5), series("s", 6, 10)), dropped: "poison 2",
			buried: slices.Concat(series("s", 2, 3), series("s", 5, 6)),
		},
		"rejected": {
			answer: func(call, n int) (int, error) {
				if call == 0 {
					return n, exporters.Rejected(3, refuse)
				}
				return n, nil
			},
			arrive: series("s", 0, 10), dropped: "rejected 3",
		},
		"rejected and permanent": {
			answer: func(call, n int) (int, error) {
				if call == 0 {
					return 5, exporters.Rejected(2, exporters.Permanent(refuse))
				}
				return n, nil
			},
			arrive: series("s", 0, 5), dropped: "permanent 5, rejected 2", buried: series("s", 5, 10),
		},
		"wrong counts": {
			answer: func(call, n int) (int, error) {
				if call == 0 {
					return -5, errDown
				}
				return n + 7, nil
			},
			arrive: series("s", 0, 10),
		},
		"an error beside all": {
			answer: func(call, n int) (int, error) { return n, errDown },
			arrive: series("s", 0, 10),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, nil)
			synctest.Test(t, func(t *testing.T) {
				sink := &answering{answer: test.answer}
				s := newSpool(t, sink, c)
				write(t, s, "s", 0, 10)
				time.Sleep(10 * time.Minute)
				flushed(t, s)
				wantIDs(t, ids(&sink.Memory), test.arrive)
				lost := 10 - len(test.arrive)
				if strings.Contains(test.dropped, "rejected 3") {
					lost = 3
				} else if strings.Contains(test.dropped, "rejected 2") {
					lost += 2
				}
				wantBooks(t, s, 10, 0, uint64(10-lost), 0, test.dropped)
				shutdown(t, s)
				if told := sink.notices > 0; told != (test.dropped != "") {
					t.Errorf("%d notices", sink.notices)
				}
			})
			letters := content(t, filepath.Join(c.Directory, "dead-letter", "*"))
			wantIDs(t, sinktest.IDs([]byte(letters)), test.buried)
			if strings.Contains(letters, "s3cr3t-c4n4ry") {
				t.Errorf("a secret stands in the dead letters: %s", letters)
			}
			if n := strings.Count(letters, reasonKey); n != len(test.buried) || n > 0 && !strings.Contains(letters, "refused for token=") {
				t.Errorf("%d reasons for %d records: %s", n, len(test.buried), letters)
			}
		})
	}
}

// answering is a sink that may say that it took more records than it got.
type answering struct {
	sinktest.Memory
	calls   int
	notices int
	answer  func(call, n int) (int, error)
}

func (a *answering) Write(ctx context.Context, recs []record.Record) (int, error) {
	if recs[0].EventName == "sluice.dropped" {
		a.notices++
		return len(recs), nil
	}
	n, err := a.answer(a.calls, len(recs))
	a.calls++
	if _, closed := a.Memory.Write(ctx, recs[:max(0, min(n, len(recs)))]); closed != nil {
		return 0, closed
	}
	return n, err
}

// A record over which the exporter panics, or that ends its goroutine, is
// found among the others, which arrive.
func TestPanics(t *testing.T) {
	for name, do := range map[string]func(){
		"panic":  func() { panic("cannot encode password=hunter2hunter2") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, nil)
			sink := new(sinktest.Script)
			bad := []string{sinktest.ID("s", 3), sinktest.ID("s", 7)}
			sink.OnWrite = func(_ context.Context, _ int, recs []record.Record) (int, error) {
				for i := range recs {
					if slices.Contains(bad, recs[i].Body.AsString()) {
						do()
					}
				}
				return len(recs), nil
			}
			s := newSpool(t, sink, c)
			write(t, s, "s", 0, 10)
			flushed(t, s)
			write(t, s, "s", 10, 5)
			flushed(t, s)
			wantIDs(t, ids(&sink.Memory), series("s", 0, 3), series("s", 4, 7), series("s", 8, 15))
			wantBooks(t, s, 15, 0, 13, 0, "poison 2")
			shutdown(t, s)
			letters := content(t, filepath.Join(c.Directory, "dead-letter", "*"))
			wantIDs(t, sinktest.IDs([]byte(letters)), bad)
			if strings.Contains(letters, "hunter2hunter2") {
				t.Errorf("a secret stands in the dead letters: %s", letters)
			}
		})
	}
}

// An exporter that somebody else has shut down takes nothing; all is kept.
func TestExporterShutDown(t *testing.T) {
	c := config(t, nil)
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	_ = sink.Shutdown(t.Context())
	write(t, s, "s", 0, 10)
	if err := s.ForceFlush(t.Context()); !errors.Is(err, exporters.ErrClosed) || !strings.Contains(err.Error(), "10 records wait on disk") {
		t.Errorf("ForceFlush: %v", err)
	}
	write(t, s, "s", 10, 10)
	wantBooks(t, s, 20, 0, 0, 20, "")
	shutdown(t, s)

	next := new(sinktest.Memory)
	s = newSpool(t, next, c)
	flushed(t, s)
	wantIDs(t, ids(next), series("s", 0, 20))
	shutdown(t, s)
}

// Each record has a name that it keeps, unless it came with one.
func TestUIDs(t *testing.T) {
	recs := sinktest.Records("s", 0, 3)
	recs[1].Attributes = append(recs[1].Attributes, attribute.String("log.record.uid", "mine"))

	sink := new(sinktest.Memory)
	s := newSpool(t, sink, config(t, nil))
	if _, err := s.Write(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	got := sink.Records()
	id := s.own.journal.ID()
	for i, want := range []string{id + "-0000000000000001", "mine", id + "-0000000000000003"} {
		if uid(&got[i]) != want || len(got[i].Attributes) != 3 {
			t.Errorf("record %d: %v, want the name %q", i, got[i].Attributes, want)
		}
	}
	shutdown(t, s)

	forward := new(forwarder)
	s = newSpool(t, forward, config(t, nil))
	if _, err := s.Write(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	id = s.own.journal.ID()
	for i, want := range []string{id + "-0000000000000001", "", id + "-0000000000000003"} {
		if r := forward.sent[i]; r.UID != want || r.Origin != forward.sent[0].Origin || r.Origin == nil {
			t.Errorf("record %d: %+v, want the name %q", i, r, want)
		}
	}
	// The request is the one that the records themselves would make.
	for i := range forward.sent {
		forward.sent[i].UID = ""
	}
	request, n := encode.AppendOTLPRecords(nil, forward.sent, 1<<20)
	if want := encode.OTLPProto().AppendBatch(nil, recs); n != 3 || string(request) != string(want) {
		t.Errorf("%d records make %q, want %q", n, request, want)
	}
	shutdown(t, s)
}

// The order of delivery is that of writing, over many batches and origins.
func TestOrder(t *testing.T) {
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, config(t, func(c *Config) { c.MaxSize = 64 * exporters.MiB }))
	const n = 30000
	for i := 0; i < n; i += 100 {
		recs := sinktest.Records("s", i, 100)
		for j := range recs {
			recs[j].Origin = &record.Origin{Scope: record.Scope{Name: fmt.Sprint(j % 7)}}
		}
		if _, err := s.Write(t.Context(), recs); err != nil {
			t.Fatal(err)
		}
	}
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 0, n))
	for i, r := range sink.Records() {
		if want := fmt.Sprint(i % 100 % 7); r.Logger() != want {
			t.Fatalf("record %d is of the logger %q, want %q", i, r.Logger(), want)
		}
	}
	shutdown(t, s)
}
