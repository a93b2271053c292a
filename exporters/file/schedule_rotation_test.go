package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// timed is an exporter with a clock of its own.
type timed struct {
	*Exporter
	c    Config
	at   *time.Time
	next int // record
}

func newTimed(t testing.TB, c Config, at time.Time) *timed {
	t.Helper()
	e, err := newExporter(c, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
	return &timed{Exporter: e, c: c, at: &at}
}

// write writes a record and, as the kernel would at that time, dates the file.
func (e *timed) write(t testing.TB) {
	t.Helper()
	write(t, e.Exporter, sinktest.Records("time", e.next, 1))
	e.next++
	if err := os.Chtimes(e.c.Path, *e.at, *e.at); err != nil {
		t.Fatal(err)
	}
}

// scheduled is a config that rotates by time and keeps all.
func scheduled(t testing.TB, schedule string) Config {
	c := testConfig(t)
	c.Rotation.Schedule = schedule
	c.Retention.MaxFiles = KeepAll
	return c
}

// holds checks which records each file has, the live one last.
func (e *timed) holds(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, p := range append(backups(t, e.c), e.c.Path) {
		data, err := os.ReadFile(p)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var ids []string
		for _, id := range sinktest.IDs(data) {
			for i := range e.next {
				if id == sinktest.ID("time", i) {
					ids = append(ids, string(rune('a'+i)))
				}
			}
		}
		got = append(got, filepath.Base(p)+"="+strings.Join(ids, ""))
	}
	if !slices.Equal(got, want) {
		t.Errorf("have %q\nwant %q", got, want)
	}
}

func TestScheduledRotation(t *testing.T) {
	c := scheduled(t, "hourly")
	e := newTimed(t, c, time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC))
	e.write(t) // a
	*e.at = time.Date(2026, 11, 21, 10, 59, 59, 999999999, time.UTC)
	e.write(t) // b
	e.holds(t, "app.jsonl=ab")
	*e.at = time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	e.write(t) // c
	// Hours without a record make no file.
	*e.at = time.Date(2026, 11, 21, 15, 30, 0, 0, time.UTC)
	e.write(t) // d
	e.holds(t, "app-2026-11-21T10-00-00.000Z.jsonl=ab", "app-2026-11-21T11-00-00.000Z.jsonl=c", "app.jsonl=d")
	if n := e.Stats().Rotations; n != 2 {
		t.Errorf("%d rotations", n)
	}
}

// Days begin at midnight of the place; names are in UTC all the same.
func TestScheduleGoesByTheZone(t *testing.T) {
	for utc, want := range map[bool][]string{
		false: {"app-2026-11-20T23-00-00.000Z.jsonl=a", "app.jsonl=b"},
		true:  {"app.jsonl=ab"},
	} {
		c := scheduled(t, "daily")
		c.Rotation.UTC = utc
		berlin := zone(t, "Europe/Berlin")
		e := newTimed(t, c, time.Date(2026, 11, 21, 23, 59, 0, 0, berlin))
		e.write(t)
		*e.at = time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)
		e.write(t)
		e.holds(t, want...)
	}
}

// Size rotates within an interval; all names are in order and none is given
// twice.
func TestScheduleAndSize(t *testing.T) {
	c := scheduled(t, "hourly")
	c.Rotation.MaxSize = 200 // one record
	e := newTimed(t, c, time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC))
	e.write(t)
	*e.at = e.at.Add(time.Minute)
	e.write(t)
	e.write(t)
	*e.at = e.at.Add(time.Hour)
	e.write(t)
	*e.at = e.at.Add(time.Hour)
	e.write(t)
	e.holds(t, "app-2026-11-21T10-16-00.000Z.jsonl=a", "app-2026-11-21T10-16-00.001Z.jsonl=b",
		"app-2026-11-21T10-16-00.002Z.jsonl=c", "app-2026-11-21T11-00-00.000Z.jsonl=d", "app.jsonl=e")
}

// What fell due while nothing ran is rotated when the file is opened, with a
// torn line repaired first; an empty file never is.
func TestRotationDueAtOpen(t *testing.T) {
	for _, naming := range namings {
		c := scheduled(t, "daily")
		c.Rotation.Naming = naming
		start := time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)
		e := newTimed(t, c, start)
		e.write(t)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := map[string]string{"timestamp": "app-2026-11-21T00-00-00.000Z.jsonl", "numbered": "app.jsonl.1"}[naming]
		for _, later := range []time.Duration{time.Hour, 48 * time.Hour, 100 * time.Hour, 1000 * time.Hour} {
			if later == 48*time.Hour {
				f, err := os.OpenFile(c.Path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString(`{"torn`); err != nil {
					t.Fatal(err)
				}
				_ = f.Close()
				if err := os.Chtimes(c.Path, start, start); err != nil {
					t.Fatal(err)
				}
			}
			again := newTimed(t, c, start.Add(later))
			again.next = 1
			if later == time.Hour {
				again.holds(t, "app.jsonl=a")
			} else {
				again.holds(t, name+"=a", "app.jsonl=")
			}
			if err := again.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(backups(t, c)[0])
		if err != nil || strings.Contains(string(data), "torn") {
			t.Errorf("the backup holds %q, %v", data, err)
		}
	}
}

// With delay nothing happens before the first record.
func TestRotationDueAtOpenWithDelay(t *testing.T) {
	c := scheduled(t, "every 6h")
	c.Delay = true
	e := newTimed(t, c, time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC))
	e.write(t)
	_ = e.Shutdown(t.Context())
	again := newTimed(t, c, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	again.next = 1
	again.holds(t, "app.jsonl=a")
	again.write(t)
	again.holds(t, "app-2026-11-21T06-00-00.000Z.jsonl=a", "app.jsonl=b")
}

// A clock that is set back by up to an interval repeats no rotation; one that
// leaps ahead makes one; one that comes back from there goes on as before.
func TestScheduleUnderClockJumps(t *testing.T) {
	c := scheduled(t, "hourly")
	start := time.Date(2026, 11, 21, 10, 59, 59, 0, time.UTC)
	e := newTimed(t, c, start)
	e.write(t) // a
	for _, step := range []time.Duration{time.Second, -time.Second, time.Second - time.Hour, time.Hour - time.Second} {
		*e.at = start.Add(step)
		e.write(t) // b, c, d, e
	}
	e.holds(t, "app-2026-11-21T10-00-00.000Z.jsonl=a", "app.jsonl=bcde")
	*e.at = start.AddDate(10, 0, 0)
	e.write(t) // f
	*e.at = start.Add(time.Hour)
	e.write(t) // g: the file of 2036 goes on as that of 11:00 to 12:00
	*e.at = start.Add(2 * time.Hour)
	e.write(t) // h
	e.holds(t, "app-2026-11-21T10-00-00.000Z.jsonl=a", "app-2026-11-21T11-00-00.000Z.jsonl=bcde",
		"app-2026-11-21T11-00-00.001Z.jsonl=fg", "app.jsonl=h")
	_ = e.Shutdown(t.Context())

	// The same over a restart: a file dated in the future goes on.
	future := start.AddDate(10, 0, 0)
	if err := os.Chtimes(c.Path, future, future); err != nil {
		t.Fatal(err)
	}
	again := newTimed(t, c, start.Add(3*time.Hour))
	again.next = e.next
	again.write(t) // i
	*again.at = start.Add(4 * time.Hour)
	again.write(t) // j
	if got := readFile(t, backups(t, c)[3]); !slices.Equal(sinktest.IDs(got), []string{sinktest.ID("time", 7), sinktest.ID("time", 8)}) {
		t.Errorf("the last backup holds %s", got)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A batch costs one look at the clock and no allocation.
func TestScheduleCostsALook(t *testing.T) {
	c := scheduled(t, "hourly")
	looks := 0
	at := time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)
	e, err := newExporter(c, func() time.Time { looks++; return at })
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	write(t, e, sinktest.Records("call", 0, 1))
	looks = 0
	write(t, e, sinktest.Records("call", 1, 512))
	if looks != 1 {
		t.Errorf("%d looks at the clock for a batch", looks)
	}
	if n := testing.AllocsPerRun(100, func() { _ = e.due() }); n != 0 {
		t.Errorf("%v allocations to see whether rotation is due", n)
	}
}

// Each bound by itself and all together, the oldest first.
func TestSurplus(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	var own []backup // ages 0h, 1h, … 5h, of 100 bytes
	for i := range 6 {
		path := filepath.Join(dir, "app.jsonl."+string(rune('1'+i)))
		written := now.Add(-time.Duration(i) * time.Hour)
		if err := errors.Join(os.WriteFile(path, make([]byte, 100), 0o600), os.Chtimes(path, written, written)); err != nil {
			t.Fatal(err)
		}
	}
	own, err := listBackups(dir, newNaming("numbered", filepath.Join(dir, "app.jsonl")))
	if err != nil || len(own) != 6 {
		t.Fatal(own, err)
	}
	hour := exporters.Duration(time.Hour)
	for _, c := range []struct {
		r    Retention
		free int64
		keep int
	}{
		{Retention{MaxFiles: KeepAll}, 0, 6},
		{Retention{MaxFiles: KeepDefault}, 0, 6},
		{Retention{MaxFiles: 2}, 0, 2},
		{Retention{MaxFiles: 0}, 0, 0},
		{Retention{MaxFiles: KeepDefault, MaxAge: 3 * hour}, 0, 4},
		{Retention{MaxFiles: KeepAll, MaxAge: 3*hour - 1}, 0, 3},
		{Retention{MaxFiles: KeepAll, MaxAge: exporters.Unlimited}, 0, 6},
		{Retention{MaxFiles: KeepAll, MaxTotalSize: 300}, 0, 3},
		{Retention{MaxFiles: KeepAll, MaxTotalSize: 299}, 0, 2},
		{Retention{MaxFiles: KeepAll, MaxTotalSize: 99}, 0, 0},
		{Retention{MaxFiles: KeepAll, MinFree: 1000}, 1000, 6},
		{Retention{MaxFiles: KeepAll, MinFree: 1000}, 999, 5},
		{Retention{MaxFiles: KeepAll, MinFree: 1000}, 701, 3},
		{Retention{MaxFiles: KeepAll, MinFree: 1000}, 0, 0},
		// What goes for another bound counts.
		{Retention{MaxFiles: 3, MinFree: 1000}, 700, 3},
		{Retention{MaxFiles: 3, MinFree: 1000}, 650, 2},
		{Retention{MaxFiles: 5, MaxAge: 3 * hour, MaxTotalSize: 200}, 0, 2},
		{Retention{MaxFiles: 1, MaxAge: 3 * hour, MaxTotalSize: 200}, 0, 1},
	} {
		gone := c.r.surplus(own, now.Sub, c.free)
		left := slices.DeleteFunc(slices.Clone(own), func(b backup) bool {
			return slices.ContainsFunc(gone, func(g backup) bool { return g.rank == b.rank })
		})
		if len(left) != c.keep || len(gone)+len(left) != 6 || (len(left) > 0 && left[len(left)-1].rank != own[c.keep-1].rank) {
			t.Errorf("%+v with %d free keeps %d, want the newest %d", c.r, c.free, len(left), c.keep)
		}
	}
}

func TestDefaultRetention(t *testing.T) {
	if n := DefaultConfig().Retention.maxFiles(); n != 10 {
		t.Errorf("max_files is %d without any bound", n)
	}
	for _, r := range []Retention{{MaxAge: 1}, {MaxTotalSize: 1}, {MinFree: 1}} {
		r.MaxFiles = KeepDefault
		if n := r.maxFiles(); n != KeepAll {
			t.Errorf("%+v keeps %d files", r, n)
		}
		r.MaxFiles = 10
		if n := r.maxFiles(); n != 10 {
			t.Errorf("%+v keeps %d files", r, n)
		}
	}
}

func TestRetentionErrors(t *testing.T) {
	for want, r := range map[string]Retention{
		"retention.max_files: want 0 or more, or -1":          {MaxFiles: -3},
		"retention.max_age: want 0 or more, have -1ns":        {MaxAge: -1},
		"retention.max_total_size: want 0 or more, have -100": {MaxTotalSize: -100},
		"retention.min_free: want 0 or more, have -1":         {MinFree: -1},
	} {
		c := DefaultConfig()
		c.Path, c.Retention = "app.log", r
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

// The clock for ages follows neither a jump ahead nor time that nobody saw
// pass, until the files of before are that old by any clock.
func TestAges(t *testing.T) {
	const week = 7 * day
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	type look struct {
		clock, up time.Duration // since the start
		want      time.Duration
	}
	for name, c := range map[string]struct {
		newest time.Duration // before the start; 0 without a file
		looks  []look
	}{
		"steady":       {0, []look{{day, day, day}, {10 * day, 10 * day, 10 * day}}},
		"ten years on": {0, []look{{3650 * day, day, day}, {3651 * day, 2 * day, 2 * day}, {3658 * day, 9 * day, 3658 * day}}},
		"on and back":  {0, []look{{3650 * day, day, day}, {2 * day, 2 * day, 2 * day}, {3 * day, 3 * day, 3 * day}}},
		// Files of now are dated by the clock as it is.
		"back":              {0, []look{{-time.Hour, 1, -time.Hour}, {-3650 * day, 2, -3650 * day}}},
		"back and on":       {0, []look{{-3650 * day, day, -3650 * day}, {2 * day, 2 * day, 2*day - 3651*day}, {10 * day, 10 * day, 10 * day}}},
		"adjusted a little": {0, []look{{day + 30*time.Second, day, day + 30*time.Second}}},
		"after a long stop": {30 * day, []look{{0, 0, -30 * day}, {day, day, -29 * day}, {week + 1, week + 1, week + 1}}},
		"files of later":    {-30 * day, []look{{0, 0, 0}, {day, day, day}}},
	} {
		var a ages
		var newest time.Time
		if c.newest != 0 {
			newest = start.Add(-c.newest)
		}
		const up0 = 1000 * time.Hour
		a.start(start, up0, newest)
		for _, l := range c.looks {
			a.at(start.Add(l.clock), up0+l.up, week)
			if got := a.of(start.Add(-1)) - 1; got != l.want {
				t.Errorf("%s: at %v, %v up: %v, want %v", name, l.clock, l.up, got, l.want)
			}
		}
	}
}

// A machine that sleeps at night leaps every morning: that holds back only what
// was written before, so that backups do not pile up.
func TestAgesOnAMachineThatSleeps(t *testing.T) {
	const week = 7 * day
	start := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	for _, naps := range []int{1, 500} { // a day
		var a ages
		a.start(start, 0, time.Time{})
		var now time.Time
		for i := range 100 * naps {
			now = start.Add(time.Duration(i+1) * day / time.Duration(naps))
			a.at(now, time.Duration(i+1)*8*time.Hour/time.Duration(naps), week)
		}
		if age := a.of(now); age != 0 {
			t.Errorf("%d naps: what was written now is %v old", naps, age)
		}
		// A week awake is three weeks by the clock.
		if age := a.of(now.Add(-22 * day)); age <= week {
			t.Errorf("%d naps: what was written 22 days ago is %v old", naps, age)
		}
		if age := a.of(now.Add(-10 * day)); age > week {
			t.Errorf("%d naps: 10 days, of which 80 hours awake, count as %v", naps, age)
		}
		if len(a.leaps) > 200 {
			t.Errorf("%d naps: %d leaps are remembered", naps, len(a.leaps))
		}
	}
}

// Backups go by age as time passes, and none goes because the clock leaps.
func TestMaxAge(t *testing.T) {
	c := scheduled(t, "daily")
	c.Retention = Retention{MaxFiles: KeepDefault, MaxAge: exporters.Duration(7 * day)}
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := newTimed(t, c, start)
	up := time.Duration(0)
	e.pruner.uptime = func() time.Duration { return up }
	e.pruner.begin(time.Time{}, nil)
	step := func(clock, elapsed time.Duration) {
		*e.at, up = e.at.Add(clock), up+elapsed
		e.write(t)
	}
	for range 20 {
		step(day, day)
	}
	// Seven days old and not more.
	if n := len(backups(t, c)); n != 7 {
		t.Errorf("%d backups of a week", n)
	}
	// Over a leap and back, too: those of before go on ageing as time passes.
	for _, clock := range []time.Duration{3650 * day, day, -3650 * day} {
		step(clock, day)
		if n := len(backups(t, c)); n != 7 {
			t.Errorf("%d backups after the clock went %v in a day", n, clock)
		}
	}
}

// A clock that is wrong when the program starts deletes nothing either.
func TestMaxAgeWithAWrongClockAtStart(t *testing.T) {
	c := scheduled(t, "daily")
	c.Retention = Retention{MaxFiles: KeepDefault, MaxAge: exporters.Duration(7 * day)}
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := newTimed(t, c, start)
	for range 5 {
		e.write(t)
		*e.at = e.at.Add(day)
	}
	_ = e.Shutdown(t.Context())
	if n := len(backups(t, c)); n != 4 {
		t.Fatalf("%d backups", n)
	}
	again := newTimed(t, c, start.AddDate(10, 0, 0))
	again.next = e.next
	for range 5 {
		again.write(t)
		*again.at = again.at.Add(time.Minute)
	}
	*again.at = again.at.Add(day)
	again.write(t)
	if n := len(backups(t, c)); n != 6 {
		t.Errorf("%d backups, want those of before, the one due at the start and a day's", n)
	}
}

// A disk that gets tight costs the oldest backups, at rotation and when a
// write finds it full, and nothing that is not ours.
func TestMinFree(t *testing.T) {
	c := rotating(t, "numbered")
	c.Retention = Retention{MaxFiles: KeepDefault, MinFree: 1000}
	e := newTest(t, c)
	free := int64(1000)
	e.pruner.free = func(string) (int64, error) { return free, nil }
	write(t, e, sinktest.Records("free", 0, 8))
	if n := len(backups(t, c)); n != 7 {
		t.Fatalf("%d backups with enough room", n)
	}
	foreign := filepath.Join(e.dir, "app.jsonl.b")
	if err := os.WriteFile(foreign, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	free = 1000 - 1
	write(t, e, sinktest.Records("free", 8, 1))
	if n := len(backups(t, c)); n != 7 {
		t.Errorf("%d backups, want one less and the new one", n)
	}

	full := true
	e.write = func(f *os.File, p []byte) (int, error) {
		if full {
			full, free = false, 0
			return 0, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return f.Write(p)
	}
	recs := sinktest.Records("x", 0, 1)
	e.limits.maxSize = 1 << 20
	if _, err := e.Write(t.Context(), recs); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write: %v", err)
	}
	if n := len(backups(t, c)); n != 0 {
		t.Errorf("%d backups on a full disk", n)
	}
	write(t, e, recs)
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}

	// What cannot be told is counted, and deletes nothing.
	e.limits.maxSize = 200
	e.pruner.free = func(string) (int64, error) { return 0, errors.ErrUnsupported }
	write(t, e, sinktest.Records("y", 0, 3))
	if s := e.Stats(); s.PruneFailures == 0 || len(backups(t, c)) == 0 {
		t.Errorf("stats %+v, %d backups", s, len(backups(t, c)))
	}
}

func TestFreeBytes(t *testing.T) {
	if !knowsFree {
		t.Skip("this system does not tell what is free")
	}
	n, err := freeBytes(t.TempDir())
	if err != nil || n <= 0 {
		t.Errorf("%d bytes are free, %v", n, err)
	}
	if _, err := freeBytes(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a missing directory has free space")
	}
}

func TestMaxTotalSize(t *testing.T) {
	c := rotating(t, "timestamp")
	c.Retention = Retention{MaxFiles: KeepDefault, MaxTotalSize: 700}
	e := newTest(t, c)
	for i := range 30 {
		write(t, e, sinktest.Records("total", i, 1))
		total := int64(0)
		for _, p := range backups(t, c) {
			info, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > 700 || (i > 10 && total < 400) {
			t.Fatalf("backups have %d bytes after %d records", total, i+1)
		}
	}
}
