package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func open(tb testing.TB, c contestant) *session {
	tb.Helper()
	s, err := c.open(tb.TempDir(), callFileSize)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func benchmark(b *testing.B, f func(b *testing.B, s *session)) {
	for _, c := range contestants() {
		b.Run("contestant="+strings.NewReplacer(", ", "+", " ", "_").Replace(c.name), func(b *testing.B) {
			s := open(b, c)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, s)
		})
	}
}

func BenchmarkCall(b *testing.B) {
	benchmark(b, func(b *testing.B, s *session) { s.call(0, b.N) })
}

// BenchmarkCallParallel calls from one goroutine a CPU; -cpu asks for others.
func BenchmarkCallParallel(b *testing.B) {
	benchmark(b, func(b *testing.B, s *session) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				s.call(0, 1)
			}
		})
	})
}

func BenchmarkWith(b *testing.B) {
	benchmark(b, func(b *testing.B, s *session) { s.with(0, b.N) })
}

func BenchmarkDisabled(b *testing.B) {
	benchmark(b, func(b *testing.B, s *session) { s.disabled(b.N) })
}

func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{encodeSluice, encodeZap} {
		b.Run("contestant="+strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			f, err := encoder(name)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if _, err := f(b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// All contestants write the same: a comparison of times means nothing if one
// writes less.
func TestContestantsWriteTheSame(t *testing.T) {
	const records = 200
	var reference float64
	for _, c := range contestants() {
		if c.id == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if raceDetector && c.name == "phuslu async file" {
				t.Skip("phuslu's AsyncWriter has a data race of its own (v1.0.121, async.go:82 and 93)")
			}
			j := job{Kind: kindFlood, Contestant: c.name, Goroutines: 2, Records: records, Dir: t.TempDir()}
			r, err := j.run()
			if err != nil {
				t.Fatal(err)
			}
			if err := readBack(j, &r); err != nil {
				t.Fatal(err)
			}
			if r.Delivered != 1 || r.Duplicates != 0 {
				t.Errorf("delivered %v of the records, %d twice", r.Delivered, r.Duplicates)
			}
			if c.ownLayout {
				return
			}
			if reference == 0 {
				reference = r.Bytes
			}
			if math.Abs(r.Bytes/reference-1) > 0.2 {
				t.Errorf("%.0f bytes a line, others write %.0f", r.Bytes, reference)
			}
		})
	}
}

func TestEncodersWriteTheSame(t *testing.T) {
	var lines [2]map[string]any
	for i, name := range []string{encodeSluice, encodeZap} {
		f, err := encoder(name)
		if err != nil {
			t.Fatal(err)
		}
		line, err := f(2)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &lines[i]); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	for key, v := range lines[0] {
		if key != "time" && lines[1][key] != v {
			t.Errorf("%s: sluice writes %v, zap %v", key, v, lines[1][key])
		}
	}
	if len(lines[0]) != len(lines[1]) {
		t.Errorf("sluice writes %d keys, zap %d", len(lines[0]), len(lines[1]))
	}
}

func TestReadBackFindsLossAndDuplicates(t *testing.T) {
	r := flooded(t, `{"id":0}`+"\n"+`{"id":2}`+"\n"+`{"id":2}`+"\n")
	if r.Delivered != 0.5 || r.Duplicates != 1 {
		t.Errorf("delivered %v, %d twice; want half and one", r.Delivered, r.Duplicates)
	}
}

func TestTable(t *testing.T) {
	o := options{
		kinds: []string{kindCall, kindDisabled, kindStall}, contestants: regexp.MustCompile("SDK batch, discard|^zap,"),
		rounds: 2, stallRounds: 1, duration: time.Millisecond, stall: 2 * time.Millisecond,
	}
	rs := results{}
	var table []row
	gs := groups(o)
	for _, g := range gs {
		rs[g.title] = map[string][]result{}
		for _, name := range g.contestants {
			j := g.job
			j.Contestant, j.Dir = name, t.TempDir()
			r, err := j.run()
			if err != nil {
				t.Fatal(err)
			}
			rs[g.title][name] = []result{r}
		}
		table = append(table, rows(g, rs[g.title])...)
	}
	var out bytes.Buffer
	printTable(&out, table)
	printTargets(&out, targets(o, gs, rs))
	for _, want := range []string{"| call, 8 goroutines, ns", "| sink stalled, p99.9 of a call, ns", baseZap, "1.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestRatioPairsRounds(t *testing.T) {
	a := []result{{NS: 10}, {NS: 400}, {NS: 30}}
	b := []result{{NS: 20}, {NS: 800}, {NS: 10}}
	if got := ratio(a, b, ns); got != 0.5 {
		t.Errorf("ratio %v, want 0.5", got)
	}
	if got := ratio(a, nil, ns); !math.IsNaN(got) {
		t.Errorf("ratio to nothing %v, want NaN", got)
	}
}

// flooded reads a file back as if four records had been sent.
func flooded(t *testing.T, content string) result {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.jsonl"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var r result
	if err := readBack(job{Contestant: baseZap, Records: 4, Dir: dir}, &r); err != nil {
		t.Fatal(err)
	}
	return r
}
