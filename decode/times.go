package decode

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time as RFC 3339 (a blank for the T, and a zone without a
// colon as many loggers write it, are taken too) or as a Unix time.
func parseTime(s string) (time.Time, bool) {
	if t, ok := parseUnix(s); ok {
		return t, true
	}
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > len("2006-01-02T15:04:05.000000000+0000000000") {
		return time.Time{}, false
	}
	if s[10] == ' ' || s[10] == 't' {
		s = s[:10] + "T" + s[11:]
	}
	if strings.HasSuffix(s, "z") {
		s = s[:len(s)-1] + "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999-0700", s)
	}
	return t.UTC(), err == nil
}

// parseUnix reads a Unix time exactly: digits, with a fraction or without. The
// unit is told by magnitude, each beginning in March 1973 and ending in 5138,
// so that small numbers (a duration, say) are no times.
func parseUnix(s string) (time.Time, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	n, ok := digits(whole)
	if !ok || n < 1e8 {
		return time.Time{}, false
	}
	perSecond, places := int64(1e9), 0
	switch {
	case n < 1e11:
		perSecond, places = 1, 9
	case n < 1e14:
		perSecond, places = 1e3, 6
	case n < 1e17:
		perSecond, places = 1e6, 3
	}
	ns := int64(0) // What the fraction adds.
	for i := range max(len(frac), places) {
		c := byte('0')
		if i < len(frac) {
			c = frac[i]
		}
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		if i < places {
			ns = ns*10 + int64(c-'0')
		}
	}
	return time.Unix(n/perSecond, n%perSecond*(1e9/perSecond)+ns).UTC(), true
}

// digits reads an integer of nothing but digits. It looks before it parses
// because errors of package strconv allocate.
func digits(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
