package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// bury makes a Spool that finds no taker for n records of a series.
func bury(t testing.TB, c Config, series string, n int) {
	t.Helper()
	s := newSpool(t, refusing(), c)
	write(t, s, series, 0, n)
	flushed(t, s)
	shutdown(t, s)
}

// wantReplayed checks that each replay worked, and returns how many records
// were replayed.
func wantReplayed(t testing.TB, d *Dir) (n uint64) {
	t.Helper()
	done, err := d.Replay()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range done {
		if r.Err != nil {
			t.Errorf("%+v", r)
		}
		n += r.Records
	}
	return n
}

// Dead letters that are replayed reach the next process's destination as the
// records they were, with the name they had and without the reason.
func TestReplay(t *testing.T) {
	c := config(t, nil)
	d := openInspected(t, c)
	if done, err := d.Replay(); len(done) != 0 || err != nil {
		t.Errorf("nothing to replay: %+v, %v", done, err)
	}
	bury(t, c, "a", 3)
	bury(t, c, "b", 1000)
	uids := map[string]string{}
	letters, err := d.DeadLetters(func(r *record.Record) error {
		if _, ok := r.Attr(reasonKey); !ok {
			t.Errorf("no reason: %+v", r)
		}
		uids[r.Body.AsString()] = uid(r)
		return nil
	})
	if err != nil || len(letters) != 2 || letters[0].Records+letters[1].Records != 1003 || len(uids) != 1003 {
		t.Fatalf("%+v, %v", letters, err)
	}
	if n := wantReplayed(t, d); n != 1003 {
		t.Errorf("%d were replayed", n)
	}
	if left := files(t, filepath.Join(c.Directory, "dead-letter")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if n := wantReplayed(t, d); n != 0 {
		t.Errorf("%d were replayed twice", n)
	}
	all := queues(t, d)
	if len(all) != 2 || all[0].InUse || all[0].Waiting+all[1].Waiting != 1003 || !all[0].Sound() || !all[1].Sound() {
		t.Errorf("%+v", all)
	}
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	got := ids(sink)
	slices.Sort(got)
	wantIDs(t, got, series("a", 0, 3), series("b", 0, 1000))
	for _, r := range sink.Records() {
		if _, reason := r.Attr(reasonKey); reason || uid(&r) != uids[r.Body.AsString()] || r.Logger() != "sinktest" {
			t.Errorf("came back as %+v", r)
		}
	}
	shutdown(t, s)
}

// A line that is no dead letter keeps its file where it is; one that was cut off
// is kept when the others go.
func TestReplayOfOtherFiles(t *testing.T) {
	c := config(t, nil)
	bury(t, c, "a", 3)
	dir := filepath.Join(c.Directory, "dead-letter")
	letters, _ := filepath.Glob(filepath.Join(dir, "*"))
	text := content(t, letters[0])
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.SplitAfter(text, "\n")
	broken := "0000000000000001.jsonl"
	put(broken, lines[0]+"hello\n"+lines[1])
	put("0000000000000002.jsonl", lines[0]+lines[1][:50])
	put("0000000000000003.jsonl.1", strings.TrimSuffix(lines[2], "\n"))
	onlyTorn, rest := "0000000000000004.jsonl", ""
	put(onlyTorn, lines[2][:50])
	put("notes.txt", text)
	put("0000000000000005.jsonl.bak", text)
	d := openInspected(t, c)
	done, err := d.Replay()
	if err != nil || len(done) != 5 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, r := range done {
		want := map[string]uint64{filepath.Base(letters[0]): 3, "0000000000000002.jsonl": 1, "0000000000000003.jsonl.1": 1}[r.File]
		torn := r.File == "0000000000000002.jsonl" || r.File == onlyTorn
		if r.Records != want || (r.Queue != "") != (want > 0) || (r.Err != nil) != (r.File == broken || torn) || torn != errors.Is(r.Err, ErrIncomplete) {
			t.Errorf("%+v", r)
		}
		if torn && r.Queue != "" {
			rest = lettersName(r.Queue)
		}
		if r.File == broken && !strings.Contains(r.Err.Error(), fmt.Sprintf("offset %d", len(lines[0]))) {
			t.Error(r.Err)
		}
	}
	left := files(t, dir)
	slices.Sort(left)
	want := []string{broken, onlyTorn, rest, "0000000000000005.jsonl.bak", "notes.txt"}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Fatalf("left: %q instead of %q", left, want)
	}
	for name, want := range map[string]string{onlyTorn: lines[2][:50], rest: lines[1][:50]} {
		if got := content(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s is now %q", name, got)
		}
	}
	// Whoever looks finds them again.
	known, err := d.Letters()
	if err != nil || len(known) != 3 || slices.ContainsFunc(known, func(l LettersInfo) bool { return l.Sound() }) {
		t.Errorf("%+v, %v", known, err)
	}
	if done, err = d.Replay(); err != nil || len(done) != 3 || slices.ContainsFunc(done, func(r Replayed) bool { return r.Err == nil || r.Queue != "" }) {
		t.Errorf("again: %+v, %v", done, err)
	}
	if got := content(t, filepath.Join(dir, broken)); got != lines[0]+"hello\n"+lines[1] {
		t.Errorf("%s is now %q", broken, got)
	}
	if len(queues(t, d)) != 3 {
		t.Errorf("%+v", queues(t, d))
	}
}

// Only one replays at a time.
func TestReplayTwice(t *testing.T) {
	c := config(t, nil)
	bury(t, c, "a", 3)
	d := openInspected(t, c)
	lock, err := d.fs.Lock(replayLock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Replay(); !errors.Is(err, ErrReplaying) {
		t.Errorf("beside another one: %v", err)
	}
	if err := lock.Unlock(false); err != nil {
		t.Fatal(err)
	}
	if n := wantReplayed(t, d); n != 3 {
		t.Errorf("%d were replayed", n)
	}
}

// changing is a destination that refuses everything until it is mended.
type changing struct {
	sinktest.Memory
	mu     sync.Mutex
	mended bool
}

func (c *changing) Write(ctx context.Context, recs []record.Record) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mended {
		return c.Memory.Write(ctx, recs)
	}
	return 0, exporters.Poison(errDown)
}

// Replays beside a process that goes on to write dead letters lose none.
func TestReplayInUse(t *testing.T) {
	const n = 2000
	c := config(t, func(c *Config) { c.Sync, c.MaxSize = SyncNever, 64<<20 })
	sink := new(changing)
	s := newSpool(t, sink, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n / 10 {
			write(t, s, "s", 10*i, 10)
		}
		flushed(t, s)
	}()
	d := openInspected(t, c)
	replays := 0
	for burying := true; burying; {
		select {
		case <-done:
			burying = false
		default:
		}
		if wantReplayed(t, d) > 0 {
			replays++
		}
	}
	if replays < 2 {
		t.Logf("only %d replays came between", replays)
	}
	sink.mu.Lock()
	sink.mended = true
	sink.mu.Unlock()
	shutdown(t, s)
	wantReplayed(t, d)
	next := new(sinktest.Memory)
	s = newSpool(t, next, c)
	flushed(t, s)
	shutdown(t, s)
	got := map[string]bool{}
	for _, id := range append(ids(&sink.Memory), ids(next)...) {
		got[id] = true
	}
	for _, id := range series("s", 0, n) {
		if !got[id] {
			t.Errorf("%s is lost", id)
		}
	}
	if left, err := d.Letters(); len(left) > 0 || err != nil {
		t.Errorf("%+v, %v", left, err)
	}
}

// Wherever a replay is killed, or the power cut, or the disk full, the next one
// carries on, and each letter arrives once.
func TestReplayInterrupted(t *testing.T) {
	for _, end := range []string{"killed", "power cut", "disk full"} {
		t.Run(end, func(t *testing.T) {
			for step := 1; ; step++ {
				d := disktest.New(uint64(step))
				s := openOn(t, d.Process(), refusing(), SyncAlways)
				write(t, s, "s", 0, 20)
				flushed(t, s)
				shutdown(t, s)
				p := d.Process()
				finished := false
				switch end {
				case "disk full":
					d.Fill(int64(step-1) * 512)
					done, err := (&Dir{fs: p}).Replay()
					finished = err == nil && len(done) == 1 && done[0].Err == nil
					d.Mend()
				default:
					p.KillAfter(step)
					_, _ = (&Dir{fs: p}).Replay()
					finished = !p.Dead()
					p.Kill()
					if end == "power cut" {
						d.Crash()
					}
				}
				p = d.Process()
				if all, err := (&Dir{fs: p, locked: func(string) (bool, error) { return false, nil }}).Letters(); err != nil || len(all) > 1 {
					t.Fatalf("step %d: %+v, %v", step, all, err)
				}
				wantReplayed(t, &Dir{fs: p})
				for _, dir := range []string{".", deadLetterDir} {
					entries, err := p.ReadDir(dir)
					for _, e := range entries {
						if strings.HasSuffix(e.Name, replaySuffix) || dir != "." {
							err = errors.Join(err, fmt.Errorf("%s is left in %s", e.Name, dir))
						}
					}
					if err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
				}
				sink := new(sinktest.Memory)
				s = openOn(t, p, sink, SyncAlways)
				flushed(t, s)
				shutdown(t, s)
				if got := ids(sink); !slices.Equal(got, series("s", 0, 20)) {
					t.Fatalf("step %d: arrived %q", step, got)
				}
				if finished {
					t.Logf("%d steps", step)
					return
				}
			}
		})
	}
}
