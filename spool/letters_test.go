package spool

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	if !strings.Contains(all.String(), "write dead letters") {
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
