package file

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// schedule divides time into the intervals that get a file each. It goes by
// the clock of the place: by the location of the times it is asked about,
// which for time.Now is the machine's.
//
// Whole days begin when the clock first shows the day and time of day, or
// later: a time that a change of the clock skips counts as the moment of the
// change, one that comes twice counts once. Hours and other parts of a day
// begin whenever the clock shows a multiple of them since midnight or jumps
// over one, so that no file covers more than that, except where the clock is
// put back within. What neither divides a day nor consists of days has nothing
// to do with the clock's face: it is counted from 1970-01-01T00:00:00Z.
type schedule struct {
	utc bool
	// days is the length of an interval in days; 0 when it is every.
	days int64
	// phase is the number of an interval's first day since 1970-01-01 (which
	// was a Thursday), modulo days.
	phase int64
	at    time.Duration // time of day when an interval of days begins
	every time.Duration
}

const day = 24 * time.Hour

// schedule returns the schedule that r asks for, nil when none.
func (r Rotation) schedule() (*schedule, error) {
	if r.Schedule == "" {
		var errs []error
		if r.At != "" {
			errs = append(errs, errors.New("rotation.at: has no effect without a schedule: add schedule: daily"))
		}
		if r.UTC {
			errs = append(errs, errors.New("rotation.utc: has no effect without a schedule: add schedule: daily"))
		}
		return nil, errors.Join(errs...)
	}
	s, err := parseSchedule(r.Schedule)
	if err != nil {
		return nil, fmt.Errorf("rotation.schedule: %w", err)
	}
	s.utc = r.UTC
	if r.At == "" {
		return s, nil
	}
	if s.days == 0 {
		return nil, fmt.Errorf("rotation.at: is for intervals of whole days, not for %q: leave it out", r.Schedule)
	}
	if s.at, err = parseTimeOfDay(r.At); err != nil {
		return nil, fmt.Errorf("rotation.at: %w", err)
	}
	return s, nil
}

func parseSchedule(text string) (*schedule, error) {
	name, weekday, _ := strings.Cut(text, ":")
	switch {
	case text == "hourly":
		return &schedule{every: time.Hour}, nil
	case text == "daily":
		return &schedule{days: 1}, nil
	case name == "weekly":
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(weekday, d.String()[:3]) {
				return &schedule{days: 7, phase: int64(d+7-time.Thursday) % 7}, nil
			}
		}
		return nil, fmt.Errorf("%q names no day: want weekly:MON, TUE, WED, THU, FRI, SAT or SUN", text)
	}
	length, ok := strings.CutPrefix(text, "every ")
	if !ok {
		return nil, fmt.Errorf("unknown value %q: want one of hourly, daily, weekly:MON, every 6h", text)
	}
	d, err := exporters.ParseDuration(length)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	switch every := d.Std(); {
	case d == exporters.Unlimited || every < time.Second || every%time.Second != 0:
		return nil, fmt.Errorf("%q: want whole seconds, at least one", text)
	case every%day == 0:
		return &schedule{days: int64(every / day)}, nil
	default:
		return &schedule{every: every}, nil
	}
}

func parseTimeOfDay(text string) (time.Duration, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		// Parse alone would take a fraction of a second, too.
		if t, err := time.Parse(layout, text); err == nil && t.Format(layout) == text {
			return t.Sub(t.Truncate(day)), nil
		}
	}
	return 0, fmt.Errorf("%q is no time of day: want HH:MM or HH:MM:SS, as in 04:30", text)
}

// start returns the beginning of the interval that t is in.
func (s *schedule) start(t time.Time) time.Time {
	t = s.local(t)
	switch {
	case s.days > 0:
		n := s.firstDay(t)
		for s.dayStart(n, t.Location()).After(t) {
			n -= s.days
		}
		return s.dayStart(n, t.Location())
	case day%s.every != 0:
		return s.sinceEpoch(t)
	}
	for {
		// The last multiple that the clock showed, if it was not changed since.
		c := t.Add(-s.past(t))
		changed, _ := zoneBounds(t)
		if changed.IsZero() || !c.Before(changed) {
			return c
		}
		if s.begins(changed) {
			return changed
		}
		t = changed.Add(-1)
	}
}

// next returns the beginning of the interval after the one that t is in.
func (s *schedule) next(t time.Time) time.Time {
	t = s.local(t)
	switch {
	case s.days > 0:
		n := s.firstDay(t) - s.days
		for !s.dayStart(n, t.Location()).After(t) {
			n += s.days
		}
		return s.dayStart(n, t.Location())
	case day%s.every != 0:
		return s.sinceEpoch(t).Add(s.every)
	}
	for {
		c := t.Add(s.every - s.past(t))
		_, changes := zoneBounds(t)
		if changes.IsZero() || c.Before(changes) {
			return c
		}
		if s.begins(changes) {
			return changes
		}
		t = changes
	}
}

// local returns t as the clock in question shows it, without the monotonic
// reading, which knows of no change.
func (s *schedule) local(t time.Time) time.Time {
	if s.utc {
		t = t.UTC()
	}
	return t.Round(0)
}

// zoneBounds returns when the clock was changed last before t, or at t, and
// when it is next; zero for never. On the last day of a leap year package time
// gives bounds that do not hold t (time.tzset counts 365 days): those say
// nothing.
func zoneBounds(t time.Time) (changed, changes time.Time) {
	changed, changes = t.ZoneBounds()
	if changed.After(t) {
		changed = time.Time{}
	}
	if !changes.After(t) {
		changes = time.Time{}
	}
	return changed, changes
}

// firstDay returns the number of a day that begins an interval, the latest
// one that is at most a day after t's.
func (s *schedule) firstDay(t time.Time) int64 {
	y, m, d := t.Date()
	n := floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), int64(day/time.Second)) + 1
	return n - floorMod(n-s.phase, s.days)
}

// dayStart returns the first moment when the clock of loc shows s.at on day n,
// or later.
func (s *schedule) dayStart(n int64, loc *time.Location) time.Time {
	face := time.Unix(n*int64(day/time.Second), 0).UTC().Add(s.at)
	// No zone is a day away from UTC: here the clock shows less.
	t := face.Add(-day).In(loc)
	for {
		_, offset := t.Zone()
		c := face.Add(-time.Duration(offset) * time.Second).In(loc)
		if c.Before(t) {
			return t
		}
		_, changes := zoneBounds(t)
		if changes.IsZero() || c.Before(changes) {
			return c
		}
		t = changes
	}
}

// past returns how long before t the clock showed a multiple of s.every, if it
// was not changed since.
func (s *schedule) past(t time.Time) time.Duration {
	_, offset := t.Zone()
	return time.Duration(floorMod(t.Unix()+int64(offset), int64(s.every/time.Second)))*time.Second +
		time.Duration(t.Nanosecond())
}

// begins reports whether an interval begins when the clock is changed at t.
func (s *schedule) begins(t time.Time) bool {
	if s.past(t) == 0 {
		return true
	}
	_, offset := t.Add(-1).Zone()
	every := int64(s.every / time.Second)
	before := t.Unix() + int64(offset) // what the clock would have shown
	_, offset = t.Zone()
	after := t.Unix() + int64(offset)
	return floorDiv(after, every) > floorDiv(before-1, every)
}

func (s *schedule) sinceEpoch(t time.Time) time.Time {
	sec := t.Unix()
	return time.Unix(sec-floorMod(sec, int64(s.every/time.Second)), 0).In(t.Location())
}

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }

func floorDiv(a, b int64) int64 { return (a - floorMod(a, b)) / b }

// period is the interval that the live file belongs to, its end excluded. The
// zero period has no end.
type period struct {
	// before is the beginning of the interval before this one.
	before, from, until time.Time
}

// period returns the interval that t is in.
func (s *schedule) period(t time.Time) period {
	if s == nil {
		return period{}
	}
	from := s.start(t)
	return period{before: s.start(from.Add(-1)), from: from, until: s.next(t)}
}

// over reports whether the period has ended at now.
func (p period) over(now time.Time) bool { return !p.until.IsZero() && !now.Before(p.until) }

// stray reports whether now is so long before the period that the clock must
// have been wrong when it was found. A clock that is put back into the interval
// before changes nothing: the live file stays open for that much longer.
func (p period) stray(now time.Time) bool { return !p.until.IsZero() && now.Before(p.before) }
