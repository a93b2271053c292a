package journal

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

var update = flag.Bool("update", false, "write testdata/v1 anew: only while version 1 is not released")

const goldenID = "00c0ffee00c0ffee"

// A directory that version 1 has written opens, whatever version opens it.
func TestOpensVersion1(t *testing.T) {
	kept := filepath.Join("testdata", "v1")
	if *update {
		writeGolden(t, kept)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	d, err := disk.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Verify(d, goldenID)
	if err != nil || len(report.Problems) > 0 || report.Records != 5 || report.Waiting != 4 {
		t.Fatalf("%+v, %v", report, err)
	}
	o := options(t, d, Never)
	o.Report = func(err error) { t.Error(err) }
	j := reopen(t, o, goldenID)
	if s := j.Stats(); s.Waiting != 4 || s.Acked != 7 || s.Next != 14 || s.Segments != 3 || s.Kept == 0 {
		t.Fatalf("%+v", s)
	}
	items, err := j.Reader().Next(10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	got := items
	want := []Item{
		{Seq: 10, Severity: 17, Origin: &encode.OTLPOrigin{Resource: []byte("resource"), Scope: []byte("scope")}, Log: []byte("ten")},
		{Seq: 11, Severity: 9, Log: []byte(strings.Repeat("fills the segment ", 12))},
		{Seq: 12, Severity: 9, Origin: &encode.OTLPOrigin{Resource: []byte(strings.Repeat("long ", 50))}, Log: []byte("twelve")},
		{Seq: 13, Severity: 9, OwnUID: true, Log: []byte{}},
	}
	for len(want) > 0 {
		if len(got) == 0 {
			if got, err = j.Reader().Next(10, 1<<20); err != nil || len(got) == 0 {
				t.Fatal(want, err)
			}
		}
		g, w := got[0], want[0]
		if g.Seq != w.Seq || g.Severity != w.Severity || g.OwnUID != w.OwnUID || string(g.Log) != string(w.Log) || (g.Origin == nil) != (w.Origin == nil) {
			t.Fatalf("got %+v, want %+v", g, w)
		}
		if w.Origin != nil && (string(g.Origin.Resource) != string(w.Origin.Resource) || string(g.Origin.Scope) != string(w.Origin.Scope)) {
			t.Fatalf("origin of %d is %q, want %q", g.Seq, g.Origin, w.Origin)
		}
		if err := j.Ack(g.Seq); err != nil {
			t.Fatal(err)
		}
		got, want = got[1:], want[1:]
	}
	closeQueue(t, j)
	wantGone(t, d)
}

// writeGolden makes a queue with everything the format has: a compacted segment
// that is settled in part, one that was left open, origins, records without.
func writeGolden(t *testing.T, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	d, err := disk.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n, err := parseID(goldenID)
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(Options{FS: d, SegmentSize: firstFrame + 700, Sync: Always}, n)
	j.owned = true
	if err := j.make(); err != nil {
		t.Fatal(err)
	}
	store := func(o *encode.OTLPOrigin, severity uint8, own bool, text string) {
		var b Batch
		if err := b.Add(o, severity, own, func(dst []byte) []byte { return append(dst, text...) }); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(&b); err != nil {
			t.Fatal(err)
		}
	}
	one := &encode.OTLPOrigin{Resource: []byte("resource"), Scope: []byte("scope")}
	for range 5 {
		store(one, 9, false, "less severe")
	}
	store(one, 17, false, "six")
	for range 3 {
		store(one, 9, false, "less severe")
	}
	store(one, 17, false, "ten")
	store(nil, 9, false, strings.Repeat("fills the segment ", 12))
	store(&encode.OTLPOrigin{Resource: []byte(strings.Repeat("long ", 50))}, 9, false, "twelve")
	store(nil, 9, true, "")
	if _, _, err := j.Evict(17); err != nil {
		t.Fatal(err)
	}
	if items, err := j.Reader().Next(1, 1); err != nil || len(items) != 1 || items[0].Seq != 6 {
		t.Fatal(items, err)
	}
	if err := j.Ack(6); err != nil {
		t.Fatal(err)
	}
	closeQueue(t, j)
}
