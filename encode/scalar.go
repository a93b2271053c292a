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
	var b [30]byte
	putSeconds(&b, t)
	ns := uint(t.Nanosecond())
	b[19], b[29] = '.', 'Z'
	for i := 28; i > 19; i-- {
		b[i] = byte('0' + ns%10)
		ns /= 10
	}
	return append(dst, b[:]...)
}

// appendMillis is appendTime with three digits behind the point.
func appendMillis(dst []byte, t time.Time) []byte {
	var b [30]byte
	putSeconds(&b, t)
	dst = append(dst, b[:19]...)
	return append(appendMilli(dst, t), 'Z')
}

// appendClock appends the time of day in t's zone, "15:04:05.000".
func appendClock(dst []byte, t time.Time) []byte {
	var b [8]byte
	putClock(b[:], t)
	dst = append(dst, b[:]...)
	return appendMilli(dst, t)
}

func appendMilli(dst []byte, t time.Time) []byte {
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// putSeconds writes "2006-01-02T15:04:05".
func putSeconds(b *[30]byte, t time.Time) {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		t = minTime
		if year > 9999 {
			t = maxTime
		}
		year, month, day = t.Date()
	}
	put2(b[0:2], year/100)
	put2(b[2:4], year%100)
	put2(b[5:7], int(month))
	put2(b[8:10], day)
	b[4], b[7], b[10] = '-', '-', 'T'
	putClock(b[11:19], t)
}

func putClock(b []byte, t time.Time) {
	hour, minute, sec := t.Clock()
	_ = b[7]
	put2(b[0:2], hour)
	put2(b[3:5], minute)
	put2(b[6:8], sec)
	b[2], b[5] = ':', ':'
}

func put2(b []byte, n int) {
	b[0], b[1] = byte('0'+n/10), byte('0'+n%10)
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
