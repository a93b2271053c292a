package encode

import (
	"math"
	"strconv"
	"time"
)

var (
	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

// appendTime appends t as RFC 3339 in UTC, always with nine digits behind the
// point, so that lines sort by it. RFC 3339 has four digits for the year;
// times beyond become the nearest one there is.
func appendTime(dst []byte, t time.Time) []byte {
	dst = appendSeconds(dst, t)
	ns := uint(t.Nanosecond())
	var frac [9]byte
	for i := len(frac) - 1; i >= 0; i-- {
		frac[i] = byte('0' + ns%10)
		ns /= 10
	}
	dst = append(dst, '.')
	dst = append(dst, frac[:]...)
	return append(dst, 'Z')
}

// appendMillis is appendTime with three digits behind the point.
func appendMillis(dst []byte, t time.Time) []byte {
	dst = appendSeconds(dst, t)
	dst = appendMilli(dst, t)
	return append(dst, 'Z')
}

func appendMilli(dst []byte, t time.Time) []byte {
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

func appendSeconds(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		t = minTime
		if year > 9999 {
			t = maxTime
		}
		year, month, day = t.Date()
	}
	dst = appendTwo(dst, year/100)
	dst = appendTwo(dst, year%100)
	dst = append(dst, '-')
	dst = appendTwo(dst, int(month))
	dst = append(dst, '-')
	dst = appendTwo(dst, day)
	dst = append(dst, 'T')
	return appendClock(dst, t)
}

func appendClock(dst []byte, t time.Time) []byte {
	hour, minute, sec := t.Clock()
	dst = appendTwo(dst, hour)
	dst = append(dst, ':')
	dst = appendTwo(dst, minute)
	dst = append(dst, ':')
	return appendTwo(dst, sec)
}

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// notFinite names the floats that JSON numbers cannot express, as the JSON
// mapping of protobuf does
// (https://protobuf.dev/programming-guides/json/#field-names-as-json-keys);
// "" for all others.
func notFinite(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return ""
}

// AppendFloat appends the shortest form of f that reads back as f. It always
// has a point or an exponent, which tells it from an integer: storage that
// derives a column's type from the first value it sees then picks the right
// one. NaN and infinities become the bare words NaN, Infinity and -Infinity.
func AppendFloat(dst []byte, f float64) []byte {
	if name := notFinite(f); name != "" {
		return append(dst, name...)
	}
	// The bounds are those of ECMAScript and encoding/json.
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}
