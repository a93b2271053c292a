package quote

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decoded is a text without some escapes.
type decoded struct {
	text string
	at   []int // where in the source each byte comes from, and the end
}

// asItStands is a text with all its escapes.
func asItStands(s string) decoded {
	at := make([]int, len(s)+1)
	for i := range at {
		at[i] = i
	}
	return decoded{s, at}
}

// without undoes escapes. For a text that begins with one unescape returns what
// that stands for and its length, else 0.
func (d decoded) without(unescape func(string) (string, int)) decoded {
	s := d.text
	text, at := make([]byte, 0, len(s)), make([]int, 0, len(s)+1)
	for i := 0; i < len(s); {
		plain, n := unescape(s[i:])
		if n == 0 {
			plain, n = s[i:i+1], 1
		}
		for range len(plain) {
			at = append(at, d.at[i])
		}
		text = append(text, plain...)
		i += n
	}
	return decoded{string(text), append(at, d.at[len(s)])}
}

// fold makes texts comparable that differ in case, in the alphabet of base64,
// or in how a form writes spaces. It keeps their length.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] = c | 0x20
		case c == '-' || c == ' ':
			b[i] = '+'
		case c == '_':
			b[i] = '/'
		}
	}
	return string(b)
}

// percent undoes the encoding of URLs.
func percent(s string) (string, int) {
	if s[0] != '%' || len(s) < 3 {
		return "", 0
	}
	return hex(s[1:3], 3)
}

// backslash undoes the escapes of JSON, and of Go's %q.
func backslash(s string) (string, int) {
	if s[0] != '\\' || len(s) < 2 {
		return "", 0
	}
	switch c := s[1]; {
	case c == 'u' && len(s) >= 6:
		r, n := code(s[2:6]), 6
		if utf16.IsSurrogate(r) && len(s) >= 12 {
			r, n = utf16.DecodeRune(r, code(s[8:12])), 12
		}
		return string(r), n
	case c == 'U' && len(s) >= 10:
		return string(code(s[2:10])), 10
	case c == 'x' && len(s) >= 4:
		return hex(s[2:4], 4)
	case strings.IndexByte("abfnrtv", c) >= 0:
		return string("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)]), 2
	case c < utf8.RuneSelf:
		return s[1:2], 2
	}
	return "", 0
}

// entity undoes the escapes of HTML.
func entity(s string) (string, int) {
	const longest = len("&quot;") + 2
	if s[0] != '&' {
		return "", 0
	}
	end := strings.IndexByte(s[:min(len(s), longest)], ';') + 1
	if plain := html.UnescapeString(s[:end]); plain != s[:end] {
		return plain, end
	}
	return "", 0
}

// code is the character of a number, or U+FFFD.
func code(digits string) rune {
	r, err := strconv.ParseUint(digits, 16, 31)
	if err != nil {
		return utf8.RuneError
	}
	return rune(r)
}

func hex(digits string, n int) (string, int) {
	v, err := strconv.ParseUint(digits, 16, 8)
	if err != nil {
		return "", 0
	}
	return string([]byte{byte(v)}), n
}
