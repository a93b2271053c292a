package exporters

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span in configuration: "50ms", "5s", "2h30m", "7d". A
// bare integer is refused, because some readers take 5000 for milliseconds and
// others for nanoseconds.
type Duration time.Duration

// Unlimited is the Duration without an end ("unlimited").
const Unlimited Duration = math.MaxInt64

// ParseDuration reads what [time.ParseDuration] reads, whole days ("7d",
// "1d12h") and "unlimited".
func ParseDuration(s string) (Duration, error) {
	s = strings.TrimSpace(s)
	if s == "unlimited" {
		return Unlimited, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return 0, fmt.Errorf("duration %q has no unit: write %sms or %ss", s, s, s)
	}
	rest, days := s, int64(0)
	if i := strings.IndexByte(s, 'd'); i > 0 {
		n, err := strconv.ParseInt(s[:i], 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(24*time.Hour) {
			return 0, fmt.Errorf("duration %q: want a form like 50ms, 5s, 1h30m or 7d", s)
		}
		days, rest = n, s[i+1:]
	}
	total := time.Duration(days) * 24 * time.Hour
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 && days > 0 {
			return 0, fmt.Errorf("duration %q: want a form like 50ms, 5s, 1h30m or 7d", s)
		}
		if d > math.MaxInt64-total {
			return 0, fmt.Errorf("duration %q is too long", s)
		}
		total += d
	} else if days == 0 && s != "0d" {
		return 0, errors.New("duration is empty: want a form like 50ms, 5s, 1h30m or 7d")
	}
	if total < 0 {
		return 0, fmt.Errorf("duration %q is negative", s)
	}
	return Duration(total), nil
}

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the form that [ParseDuration] reads.
func (d Duration) String() string {
	if d == Unlimited {
		return "unlimited"
	}
	const day = Duration(24 * time.Hour)
	if d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return time.Duration(d).String()
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	if err == nil {
		*d = v
	}
	return err
}

// Size is a number of bytes in configuration: "100MiB", "64KB", "1048576".
// KiB, MiB, GiB, TiB count in 1024s; KB, MB, GB, TB in 1000s.
type Size int64

// Units of Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
	TiB Size = 1 << 40
)

var sizeUnits = []struct {
	name string
	size Size
}{
	{"KiB", KiB},
	{"MiB", MiB},
	{"GiB", GiB},
	{"TiB", TiB},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// ParseSize reads a size; units may stand in any case, with or without a
// space before them. A bare number counts bytes.
func ParseSize(s string) (Size, error) {
	num := strings.TrimSpace(s)
	unit := Size(1)
	for _, u := range sizeUnits {
		if n := len(num) - len(u.name); n > 0 && strings.EqualFold(num[n:], u.name) {
			num, unit = strings.TrimSpace(num[:n]), u.size
			break
		}
	}
	// Whole numbers exactly; fractions ("1.5GiB") as far as a float goes.
	if n, err := strconv.ParseInt(num, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/int64(unit) {
		return Size(n) * unit, nil
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || math.IsNaN(f) || f < 0 {
		return 0, fmt.Errorf("size %q: want a form like 64KiB, 100MiB or 1048576", s)
	}
	if f*float64(unit) >= math.MaxInt64 {
		return 0, fmt.Errorf("size %q is too large", s)
	}
	return Size(f * float64(unit)), nil
}

// String returns the form that [ParseSize] reads, in the largest binary unit
// that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		name string
		size Size
	}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}} {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText implements [encoding.TextMarshaler].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error {
	v, err := ParseSize(string(text))
	if err == nil {
		*s = v
	}
	return err
}

// Secret is a string that never shows itself: every way of printing or
// marshalling it gives "[REDACTED]".
type Secret string

const redacted = "[REDACTED]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format hides the secret from every verb of package fmt.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText takes the secret as it stands.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// OneOf reports a setting whose value is none of the valid ones.
func OneOf(key, value string, valid ...string) error {
	if slices.Contains(valid, value) {
		return nil
	}
	return fmt.Errorf("%s: unknown value %q: want one of %s", key, value, strings.Join(valid, ", "))
}
