package redact

import "strings"

// escape begins the colours of a terminal: ESC [ 1;31 m (ECMA-48 section
// 8.3.117, SGR).
const escape = 0x1b

// longestColour bounds one colour, in bytes.
const longestColour = 24

// colour returns the length of the colours that s begins with.
func colour(s string) (n int) {
	for n+1 < len(s) && s[n] == escape && s[n+1] == '[' {
		e := n + 2
		for e < len(s) && e-n < longestColour && (is(s[e], digit) || s[e] == ';') {
			e++
		}
		if e == len(s) || s[e] != 'm' {
			break
		}
		n = e + 1
	}
	return n
}

// colourBefore returns the length of the colour that s ends with.
func colourBefore(s string) int {
	if s == "" || s[len(s)-1] != 'm' {
		return 0
	}
	for i := len(s) - 2; i >= 0 && len(s)-i <= longestColour; i-- {
		switch {
		case s[i] == escape:
			if colour(s[i:]) == len(s)-i {
				return len(s) - i
			}
			return 0
		case !is(s[i], digit) && s[i] != ';' && s[i] != '[':
			return 0
		}
	}
	return 0
}

// entities are quotes as HTML and encoding/json escape them.
var entities = [...]string{"&#34;", "&quot;", "&#39;", `\u0022`, `\u0027`}

// entity returns the length of the entity that s begins with.
func entity(s string) int {
	if s == "" || s[0] != '&' && s[0] != '\\' {
		return 0
	}
	for _, e := range entities {
		if strings.HasPrefix(s, e) {
			return len(e)
		}
	}
	return 0
}

// quoteBefore returns the length of the quote, or entity, that s ends with.
func quoteBefore(s string) int {
	if s == "" {
		return 0
	}
	switch c := s[len(s)-1]; {
	case is(c, quote):
		return 1
	case c == ';' || c == '2' || c == '7':
		for _, e := range entities {
			if strings.HasSuffix(s, e) {
				return len(e)
			}
		}
	}
	return 0
}
