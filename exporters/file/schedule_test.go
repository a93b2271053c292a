package file

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones are known wherever the tests run
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// moment reads "2026-03-29 01:30:00", the first such moment in loc, or with
// "+2h" or the like behind it a moment after that.
func moment(t testing.TB, loc *time.Location, text string) time.Time {
	t.Helper()
	text, later, _ := strings.Cut(text, " +")
	face, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	at := face.Sub(face.Truncate(day))
	s := schedule{days: 1, at: at}
	m := s.dayStart(floorDiv(face.Unix(), 86400), loc)
	if later != "" {
		d, err := time.ParseDuration(later)
		if err != nil {
			t.Fatal(err)
		}
		m = m.Add(d)
	}
	return m
}

func mustSchedule(t testing.TB, text, at string) *schedule {
	t.Helper()
	s, err := Rotation{Schedule: text, At: at}.schedule()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The moments after which the next interval begins, as what the clock shows
// and its offset then, so that the order of a night with a change is seen.
func TestIntervals(t *testing.T) {
	const show = "01-02 15:04:05 -0700"
	for _, c := range []struct {
		zone, schedule, at, from string
		want                     string // of successive calls of next
	}{
		// The table of CPython's test_compute_rollover for midnight and W0-W6,
		// with and without a time of day: the next midnight, and never now.
		{"UTC", "daily", "", "1970-01-01 00:00:00", "01-02 00:00:00 +0000, 01-03 00:00:00 +0000"},
		{"UTC", "daily", "", "1970-01-01 23:59:59", "01-02 00:00:00 +0000"},
		{"UTC", "daily", "12:10:20", "1970-01-01 00:00:00", "01-01 12:10:20 +0000, 01-02 12:10:20 +0000"},
		{"UTC", "daily", "12:10:20", "1970-01-01 12:10:19", "01-01 12:10:20 +0000"},
		{"UTC", "daily", "12:10:20", "1970-01-01 12:10:20", "01-02 12:10:20 +0000"},
		{"UTC", "daily", "12:10:20", "1970-01-01 13:14:15", "01-02 12:10:20 +0000"},
		{"UTC", "weekly:THU", "", "1970-01-01 00:00:00", "01-08 00:00:00 +0000, 01-15 00:00:00 +0000"},
		{"UTC", "weekly:THU", "12:10:20", "1970-01-01 00:00:00", "01-01 12:10:20 +0000, 01-08 12:10:20 +0000"},
		{"UTC", "weekly:thu", "12:10:20", "1970-01-01 12:10:20", "01-08 12:10:20 +0000"},
		{"UTC", "weekly:FRI", "", "1970-01-01 13:14:15", "01-02 00:00:00 +0000"},
		{"UTC", "weekly:WED", "", "1970-01-01 13:14:15", "01-07 00:00:00 +0000"},
		{"UTC", "hourly", "", "1970-01-01 00:00:00", "01-01 01:00:00 +0000, 01-01 02:00:00 +0000"},
		{"UTC", "hourly", "", "1969-12-31 23:59:59", "01-01 00:00:00 +0000"},
		{"UTC", "every 6h", "", "1969-12-31 11:00:00", "12-31 12:00:00 +0000, 12-31 18:00:00 +0000, 01-01 00:00:00 +0000"},
		{"UTC", "every 90s", "", "2026-11-21 10:00:01", "11-21 10:01:30 +0000, 11-21 10:03:00 +0000"},
		// What does not divide a day goes on from 1970, over midnight.
		{"UTC", "every 7h", "", "1970-01-01 20:00:00", "01-01 21:00:00 +0000, 01-02 04:00:00 +0000"},
		{"Europe/Berlin", "every 7h", "", "1970-01-01 20:00:00", "01-01 22:00:00 +0100, 01-02 05:00:00 +0100"},
		{"UTC", "every 2d", "", "1970-01-01 20:00:00", "01-03 00:00:00 +0000, 01-05 00:00:00 +0000"},
		{"Europe/Berlin", "every 48h", "04:30", "1970-01-02 20:00:00", "01-03 04:30:00 +0100, 01-05 04:30:00 +0100"},

		// Spring: a day of 23 hours; 02:00 to 03:00 does not exist.
		{"Europe/Berlin", "daily", "", "2026-03-28 12:00:00", "03-29 00:00:00 +0100, 03-30 00:00:00 +0200"},
		{"Europe/Berlin", "daily", "02:30", "2026-03-28 02:30:00", "03-29 03:00:00 +0200, 03-30 02:30:00 +0200"},
		{"Europe/Berlin", "daily", "02:00", "2026-03-28 02:30:00", "03-29 03:00:00 +0200, 03-30 02:00:00 +0200"},
		{"Europe/Berlin", "daily", "03:00", "2026-03-28 03:30:00", "03-29 03:00:00 +0200, 03-30 03:00:00 +0200"},
		{"Europe/Berlin", "weekly:SUN", "02:59:59", "2026-03-28 03:30:00", "03-29 03:00:00 +0200, 04-05 02:59:59 +0200"},
		{"Europe/Berlin", "hourly", "", "2026-03-29 00:30:00", "03-29 01:00:00 +0100, 03-29 03:00:00 +0200, 03-29 04:00:00 +0200"},
		{"Europe/Berlin", "every 2h", "", "2026-03-29 00:30:00", "03-29 03:00:00 +0200, 03-29 04:00:00 +0200"},
		{"Europe/Berlin", "every 6h", "", "2026-03-28 23:30:00", "03-29 00:00:00 +0100, 03-29 06:00:00 +0200"},
		// Autumn: a day of 25 hours; 02:00 to 03:00 comes twice.
		{"Europe/Berlin", "daily", "", "2026-10-24 12:00:00", "10-25 00:00:00 +0200, 10-26 00:00:00 +0100"},
		{"Europe/Berlin", "daily", "02:30", "2026-10-24 12:00:00", "10-25 02:30:00 +0200, 10-26 02:30:00 +0100"},
		{"Europe/Berlin", "daily", "03:00", "2026-10-24 12:00:00", "10-25 03:00:00 +0100, 10-26 03:00:00 +0100"},
		{"Europe/Berlin", "hourly", "", "2026-10-25 01:30:00", "10-25 02:00:00 +0200, 10-25 02:00:00 +0100, 10-25 03:00:00 +0100"},
		{"Europe/Berlin", "every 15m", "", "2026-10-25 02:45:00", "10-25 02:00:00 +0100, 10-25 02:15:00 +0100"},
		{"Europe/Berlin", "every 6h", "", "2026-10-24 23:30:00", "10-25 00:00:00 +0200, 10-25 06:00:00 +0100"},

		{"America/New_York", "daily", "02:15", "2026-03-07 12:00:00", "03-08 03:00:00 -0400, 03-09 02:15:00 -0400"},
		{"America/New_York", "daily", "01:15", "2026-10-31 12:00:00", "11-01 01:15:00 -0400, 11-02 01:15:00 -0500"},
		{"America/New_York", "hourly", "", "2026-11-01 00:59:59", "11-01 01:00:00 -0400, 11-01 01:00:00 -0500, 11-01 02:00:00 -0500"},
		{"America/New_York", "weekly:MON", "", "2026-11-01 12:00:00", "11-02 00:00:00 -0500"},

		// Half an hour: 02:00 becomes 02:30, and 02:00 becomes 01:30.
		{"Australia/Lord_Howe", "hourly", "", "2026-10-04 01:15:00", "10-04 02:30:00 +1100, 10-04 03:00:00 +1100"},
		{"Australia/Lord_Howe", "hourly", "", "2026-04-05 01:15:00", "04-05 02:00:00 +1030, 04-05 03:00:00 +1030"},
		{"Australia/Lord_Howe", "every 30m", "", "2026-04-05 01:15:00", "04-05 01:30:00 +1100, 04-05 01:30:00 +1030, 04-05 02:00:00 +1030"},
		{"Australia/Lord_Howe", "daily", "02:10", "2026-10-03 12:00:00", "10-04 02:30:00 +1100, 10-05 02:10:00 +1100"},
		{"Australia/Lord_Howe", "daily", "01:45", "2026-04-04 12:00:00", "04-05 01:45:00 +1100, 04-06 01:45:00 +1030"},

		// Apia went without 2011-12-30.
		{"Pacific/Apia", "daily", "", "2011-12-28 12:00:00", "12-29 00:00:00 -1000, 12-31 00:00:00 +1400, 01-01 00:00:00 +1400"},
		{"Pacific/Apia", "weekly:FRI", "", "2011-12-28 12:00:00", "12-31 00:00:00 +1400, 01-06 00:00:00 +1400"},
		{"Pacific/Apia", "hourly", "", "2011-12-29 22:30:00", "12-29 23:00:00 -1000, 12-31 00:00:00 +1400, 12-31 01:00:00 +1400"},
		{"Pacific/Apia", "every 2d", "", "2011-12-28 12:00:00", "12-31 00:00:00 +1400, 01-01 00:00:00 +1400, 01-03 00:00:00 +1400"},

		// Midnight itself: skipped, twice, and once more a minute after it.
		{"America/Havana", "daily", "", "2026-03-07 12:00:00", "03-08 01:00:00 -0400, 03-09 00:00:00 -0400"},
		{"America/Havana", "daily", "", "2026-10-31 12:00:00", "11-01 00:00:00 -0400, 11-02 00:00:00 -0500"},
		{"America/Sao_Paulo", "daily", "", "2018-02-17 12:00:00", "02-18 00:00:00 -0300, 02-19 00:00:00 -0300"},
		{"America/Sao_Paulo", "hourly", "", "2018-02-17 22:30:00", "02-17 23:00:00 -0200, 02-17 23:00:00 -0300, 02-18 00:00:00 -0300"},
		{"America/St_Johns", "daily", "", "2010-11-06 12:00:00", "11-07 00:00:00 -0230, 11-08 00:00:00 -0330"},
		{"Asia/Kathmandu", "hourly", "", "2026-11-21 10:15:00", "11-21 11:00:00 +0545"},
	} {
		s := mustSchedule(t, c.schedule, c.at)
		at := moment(t, zone(t, c.zone), c.from)
		var got []string
		for range strings.Split(c.want, ", ") {
			next := s.next(at)
			if start := s.start(next.Add(-1)); s.next(start) != next || start.After(at) {
				t.Errorf("%+v: the interval until %v begins at %v, and that one ends at %v", c, next, start, s.next(start))
			}
			at = next
			got = append(got, at.Format(show))
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s %s %q from %s:\n have %s\n want %s", c.zone, c.schedule, c.at, c.from, got, c.want)
		}
	}
}

// The interval goes by UTC when that is asked for, whatever the zone.
func TestScheduleUTC(t *testing.T) {
	s, err := Rotation{Schedule: "daily", At: "04:30", UTC: true}.schedule()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 10, 25, 3, 0, 0, 0, zone(t, "America/New_York"))
	if got, want := s.next(at), time.Date(2026, 10, 26, 4, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("next %v, want %v", got, want)
	}
	if got, want := s.start(at), time.Date(2026, 10, 25, 4, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("start %v, want %v", got, want)
	}
}

// Whatever zone, schedule and time: intervals follow each other without a gap
// and without overlap, and have the length that the schedule says, give or
// take a change of the clock.
func TestIntervalsPartitionTime(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SLUICE_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var zones []*time.Location
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "America/St_Johns",
		"America/Sao_Paulo", "Africa/Monrovia", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Scoresbysund", "Africa/Casablanca",
	} {
		zones = append(zones, zone(t, name))
	}
	forms := []string{"hourly", "daily", "weekly:MON", "weekly:SUN", "every 1s", "every 90s", "every 15m", "every 2h", "every 6h", "every 7h", "every 36h", "every 3d"}
	for range 20000 {
		loc := zones[rnd.IntN(len(zones))]
		form := forms[rnd.IntN(len(forms))]
		s := mustSchedule(t, form, "")
		if s.days > 0 {
			s.at = time.Duration(rnd.Int64N(86400)) * time.Second
		}
		at := time.Unix(rnd.Int64N(4e9)-1e9, rnd.Int64N(1e9)).In(loc)
		if _, changes := zoneBounds(at); !changes.IsZero() && rnd.IntN(2) == 0 {
			at = changes.Add(time.Duration(rnd.Int64N(int64(6*time.Hour))) - 3*time.Hour)
		}
		start, next := s.start(at), s.next(at)
		where := fmt.Sprintf("%s %s+%v at %v: [%v, %v)", loc, form, s.at, at, start, next)
		if start.After(at) || !next.After(at) {
			t.Fatalf("%s does not hold it", where)
		}
		if got := s.start(start); !got.Equal(start) {
			t.Fatalf("%s: start of its start is %v", where, got)
		}
		if got := s.next(start); !got.Equal(next) {
			t.Fatalf("%s: end from its start is %v", where, got)
		}
		if got := s.start(next.Add(-1)); !got.Equal(start) {
			t.Fatalf("%s: start from its end is %v", where, got)
		}
		if got := s.start(next); !got.Equal(next) {
			t.Fatalf("%s: the next one begins at %v", where, got)
		}
		length, want := next.Sub(start), s.every
		if s.days > 0 {
			want = time.Duration(s.days) * day
		}
		_, a := start.Zone()
		_, b := next.Zone()
		if a == b && length != want && !changesWithin(start, next) {
			t.Fatalf("%s is %v long, want %v", where, length, want)
		}
		if length > want+2*time.Hour && !changesWithin(start, next) {
			t.Fatalf("%s is %v long, want about %v", where, length, want)
		}
	}
}

// changesWithin reports whether the clock is changed at from, or between from
// and until.
func changesWithin(from, until time.Time) bool {
	_, changes := zoneBounds(from.Add(-1))
	return !changes.IsZero() && !changes.After(until)
}

func TestScheduleErrors(t *testing.T) {
	for _, c := range []struct {
		r    Rotation
		want string
	}{
		{Rotation{Schedule: "dayly"}, `rotation.schedule: unknown value "dayly": want one of hourly, daily, weekly:MON, every 6h`},
		{Rotation{Schedule: "weekly"}, `rotation.schedule: "weekly" names no day`},
		{Rotation{Schedule: "weekly:"}, "names no day"},
		{Rotation{Schedule: "weekly:MONDAY"}, "want weekly:MON, TUE"},
		{Rotation{Schedule: "daily:MON"}, "unknown value"},
		{Rotation{Schedule: "every 6"}, `duration "6" has no unit`},
		{Rotation{Schedule: "every "}, "duration is empty"},
		{Rotation{Schedule: "every 0s"}, "want whole seconds, at least one"},
		{Rotation{Schedule: "every 1500ms"}, "want whole seconds"},
		{Rotation{Schedule: "every -1h"}, "negative"},
		{Rotation{Schedule: "every unlimited"}, "want whole seconds"},
		{Rotation{Schedule: "daily", At: "24:00"}, `rotation.at: "24:00" is no time of day: want HH:MM or HH:MM:SS`},
		{Rotation{Schedule: "daily", At: "4:30"}, "is no time of day"},
		{Rotation{Schedule: "daily", At: "04:30:00.5"}, "is no time of day"},
		{Rotation{Schedule: "daily", At: "04:30:60"}, "is no time of day"},
		{Rotation{Schedule: "hourly", At: "04:30"}, `rotation.at: is for intervals of whole days, not for "hourly"`},
		{Rotation{At: "04:30"}, "rotation.at: has no effect without a schedule"},
		{Rotation{UTC: true}, "rotation.utc: has no effect without a schedule"},
	} {
		c.r.Naming = "numbered"
		cfg := DefaultConfig()
		cfg.Path, cfg.Rotation = "app.log", c.r
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.r, err, c.want)
		}
	}
}

// Whatever is taken for a schedule makes intervals that hold their times.
func FuzzSchedule(f *testing.F) {
	f.Add("hourly", "", int64(0), int64(0))
	f.Add("daily", "02:30", int64(1774747800), int64(1))
	f.Add("weekly:MON", "23:59:59", int64(1793000000), int64(999999999))
	f.Add("every 6h", "", int64(-1), int64(1))
	f.Add("every 7h30m", "", int64(2240447862), int64(1))
	f.Add("every 100000d", "", int64(1<<40), int64(0))
	zones := []*time.Location{time.UTC, zone(f, "Europe/Berlin"), zone(f, "Australia/Lord_Howe"), zone(f, "America/St_Johns")}
	f.Fuzz(func(t *testing.T, text, at string, sec, nsec int64) {
		s, err := Rotation{Schedule: text, At: at}.schedule()
		if err != nil || s == nil {
			return
		}
		for _, loc := range zones {
			now := time.Unix(sec%(1<<40), nsec%1e9).In(loc)
			from, until := s.start(now), s.next(now)
			if from.After(now) || !until.After(now) || !s.start(from).Equal(from) || !s.next(from).Equal(until) {
				t.Errorf("%q at %q, %v: from %v until %v", text, at, now, from, until)
			}
		}
	})
}
