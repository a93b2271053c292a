package spool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// refusing takes nothing but notices, for good.
func refusing() *sinktest.Script {
	return &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		if recs[0].EventName != "" {
			return len(recs), nil
		}
		return 0, exporters.Permanent(errDown)
	}}
}

// A dead letter is the record as it was, with its name and the reason.
func TestDeadLetters(t *testing.T) {
	c := config(t, nil)
	for name, sink := range map[string]exporters.Sink{"records": refusing(), "OTLP": &refusingOTLP{}} {
		t.Run(name, func(t *testing.T) {
			s := newSpool(t, sink, c)
			recs := sinktest.Records("s", 0, 3)
			if _, err := s.Write(t.Context(), recs); err != nil {
				t.Fatal(err)
			}
			flushed(t, s)
			path := filepath.Join(c.Directory, "dead-letter", s.own.journal.ID()+".jsonl")
			if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o137 != 0 {
				t.Errorf("%v, %v", info, err)
			}
			n := 0
			for line := range strings.Lines(content(t, path)) {
				d, err := decode.New("otlp_json", decode.Options{})
				if err != nil {
					t.Fatal(err)
				}
				d.Decode(decode.Line{Text: []byte(strings.TrimSuffix(line, "\n"))}, func(r *record.Record, logger string) {
					why, _ := r.Attr(reasonKey)
					if r.Body.AsString() != sinktest.ID("s", n) || why.AsString() != "permanent: connection refused" || uid(r) != s.own.journal.UID(uint64(n+1)) ||
						r.Logger() != "sinktest" || !r.Timestamp.Equal(recs[n].Timestamp) || len(r.Attributes) != 4 {
						t.Errorf("letter %d: %+v", n, r)
					}
					n++
				})
			}
			if n != 3 {
				t.Errorf("%d letters", n)
			}
			shutdown(t, s)
			wantBooks(t, s, 3, 0, 0, 0, "permanent 3")
		})
	}
}

// There are never more than a tenth of max_size, and they count for the size.
func TestDeadLettersAreBounded(t *testing.T) {
	c := config(t, func(c *Config) { c.MaxSize, c.Sync = exporters.MiB, SyncNever })
	for _, size := range []int{50, 1, 1000} { // processes, and what they write at once
		s := newSpool(t, refusing(), c)
		for i := range 2000 / size {
			write(t, s, "s", size*i, size)
			flushed(t, s)
			if size := s.letters.size.Load(); size > int64(c.MaxSize)/10 || size == 0 {
				t.Fatalf("%d bytes of dead letters", size)
			}
		}
		if letters := content(t, filepath.Join(c.Directory, "dead-letter", s.own.journal.ID()+"*")); int64(len(letters)) != s.letters.size.Load() ||
			strings.Count(letters, "\n") < 100 || !strings.Contains(letters, sinktest.ID("s", 1999)) {
			t.Errorf("%d bytes on disk, %d counted", len(letters), s.letters.size.Load())
		}
		if st := s.Spooled(); st.Bytes < s.letters.size.Load() {
			t.Errorf("%+v", st)
		}
		shutdown(t, s)
	}
	if all := content(t, filepath.Join(c.Directory, "dead-letter", "*")); len(all) > 2*int(c.MaxSize)/10 {
		t.Errorf("%d bytes of dead letters over all processes", len(all))
	}
}

// refusingAll refuses the notices as well.
func refusingAll() *sinktest.Script {
	return &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
		return 0, exporters.Permanent(errDown)
	}}
}

// sized returns a record whose line as a dead letter has a little more than n bytes.
func sized(id string, n int) record.Record {
	r := sinktest.Record(id)
	r.AddAttributes(attribute.String("filler", strings.Repeat("x", n)))
	return r
}

// What is refused for its size is kept as well, and comes back with a replay.
func TestLargeDeadLetters(t *testing.T) {
	c := config(t, func(c *Config) { c.MaxSize, c.Sync = 32*exporters.MiB, SyncNever }) // 3.2 MiB of letters
	s := newSpool(t, refusingAll(), c)
	var told []string
	s.Notify(func(err error) {
		if err != nil {
			told = append(told, err.Error())
		}
	})
	var want []string
	for i, size := range []int{1_800_000, 10, 1_200_000, 10, 5_000_000, 10} {
		id := sinktest.ID("s", i)
		if _, err := s.Write(t.Context(), []record.Record{sized(id, size)}); err != nil {
			t.Fatal(err)
		}
		if size < 5_000_000 {
			want = append(want, id)
		}
	}
	flushed(t, s)
	if limit := int64(c.MaxSize) / 10; s.letters.size.Load() > limit || s.letters.size.Load() < limit/2 {
		t.Errorf("%d bytes of dead letters, at most %d", s.letters.size.Load(), limit)
	}
	shutdown(t, s)
	if all := strings.Join(told, "\n"); strings.Count(all, "is not kept: a dead letter may have 3355443") == 0 {
		t.Errorf("nothing is told of the letter that was too large: %q", all)
	}
	dir, err := OpenDir(c.Directory)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := dir.Replay(); err != nil || len(all) == 0 {
		t.Errorf("Replay: %+v, %v", all, err)
	}
	sink := new(sinktest.Memory)
	next := newSpool(t, sink, c)
	flushed(t, next)
	shutdown(t, next)
	got := ids(sink)
	slices.Sort(got) // the queues of one replay have no order
	wantIDs(t, got, want)
}

// A letter for which others have to go says how many; letters of ended
// processes count, too.
func TestDiscardedDeadLetters(t *testing.T) {
	c := config(t, func(c *Config) { c.MaxSize, c.Sync = exporters.MiB, SyncNever }) // 102 KiB of letters
	before := 0
	for process := range 3 {
		s := newSpool(t, refusingAll(), c)
		told := ""
		s.Notify(func(err error) {
			if err != nil {
				told = err.Error()
			}
		})
		for i := range 30 {
			if _, err := s.Write(t.Context(), []record.Record{sized(sinktest.ID("s", i), 4000)}); err != nil {
				t.Fatal(err)
			}
			flushed(t, s)
		}
		shutdown(t, s)
		kept := strings.Count(content(t, filepath.Join(c.Directory, "dead-letter", "*")), "\n")
		gone := before + 30 - kept
		if !strings.HasSuffix(told, fmt.Sprintf("; spool: %d dead letters were discarded so far, to make room for newer ones", gone)) || gone < 5 || process == 2 && gone < 20 {
			t.Errorf("process %d: %d letters are gone, told %q", process, gone, told)
		}
		before = kept
	}
}

// A notice that is refused is no dead letter: replayed, it would tell of old
// drops as if they were new.
func TestNoticesAreNoDeadLetters(t *testing.T) {
	c := config(t, nil)
	s := newSpool(t, refusingAll(), c)
	write(t, s, "s", 0, 3)
	flushed(t, s)
	write(t, s, "s", 3, 3)
	shutdown(t, s)
	if st := s.Spooled(); st.Noticed == 0 || st.Dropped["permanent"] != 6+st.Noticed {
		t.Errorf("%+v", st)
	}
	letters := content(t, filepath.Join(c.Directory, "dead-letter", "*"))
	wantIDs(t, sinktest.IDs([]byte(letters)), series("s", 0, 6))
	if n := strings.Count(letters, "\n"); n != 6 {
		t.Errorf("%d letters", n)
	}
}

// What stands in place of the directory is not followed, and keeps nobody from
// delivering.
func TestDeadLettersBehindALink(t *testing.T) {
	c := config(t, nil)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(c.Directory, "dead-letter")); err != nil {
		t.Skip(err)
	}
	sink := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
		if call == 0 {
			return 1, exporters.Poison(errDown)
		}
		return len(recs), nil
	}}
	s := newSpool(t, sink, c)
	told := make(chan error, 100)
	s.Notify(func(err error) { told <- err })
	write(t, s, "s", 0, 5)
	flushed(t, s)
	shutdown(t, s)
	close(told)
	var all strings.Builder
	for err := range told {
		if err != nil {
			all.WriteString(err.Error())
		}
	}
	if !strings.Contains(all.String(), "dead letters cannot be written, 1 of 1 records are lost for good: ") {
		t.Errorf("told %q", all.String())
	}
	if left := files(t, outside); len(left) > 0 {
		t.Errorf("written through the link: %q", left)
	}
	wantBooks(t, s, 5, 0, 4, 0, "poison 1")
}

// refusingOTLP refuses what is forwarded, but for the notices.
type refusingOTLP struct{ forwarder }

func (*refusingOTLP) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	if bytes.Contains(recs[0].Log, []byte("sluice.dropped")) {
		return len(recs), nil
	}
	return 0, exporters.Permanent(errDown)
}
