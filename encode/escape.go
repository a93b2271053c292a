package encode

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves between double quotes: ASCII
// without controls, DEL, the quote and the backslash. One look-up a byte is
// what makes escaping cheap.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\' && c != 0x7f
	}
	return t
}()

// hidden reports whether r, a rune beyond ASCII, must not reach an output raw:
// C1 controls (some terminals take U+009B for ESC [), line separators, which
// some readers take for newlines, and the bidirectional controls that make
// text read otherwise than it is (https://trojansource.codes).
func hidden(r rune) bool {
	switch {
	case r < 0x80 || r > 0x2069:
		return false
	case r <= 0x9f:
		return true
	case r == 0x61c, r == 0x200e, r == 0x200f:
		return true
	}
	return r >= 0x2028 && r <= 0x202e || r >= 0x2066
}

// appendQuoted appends s as a JSON string (RFC 8259 section 7).
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = appendString(dst, s)
	return append(dst, '"')
}

// appendString appends s as it stands inside a JSON string.
func appendString(dst []byte, s string) []byte {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		// The compiler merges this into one load.
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if !plain8(x) {
			return appendEscaped(dst, s, i)
		}
	}
	for ; i < len(s); i++ {
		if !plain[s[i]] {
			return appendEscaped(dst, s, i)
		}
	}
	return append(dst, s...)
}

// plain8 reports whether all eight bytes of x are plain. It may be false for
// some that are, never true for some that are not: subtracting from each byte
// sets its high bit when it is smaller, but may borrow from the next one.
func plain8(x uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	special := x | (x - ones*' ') | (x ^ ones*'"' - ones) | (x ^ ones*'\\' - ones) | (x ^ ones*0x7f - ones)
	return special&high == 0
}

// appendEscaped is appendString for an s whose first i bytes are plain.
func appendEscaped(dst []byte, s string, i int) []byte {
	start := 0
	for i < len(s) {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
			start = i + n
		} else if hidden(r) {
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			start = i + n
		}
		i += n
	}
	return append(dst, s[start:]...)
}

// appendVisible appends s for people to read: what is not to be shown raw as
// \n, \x1b or \u202e, everything else, quotes and backslashes included, as it
// is.
func appendVisible(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '\n':
			dst = append(append(dst, s[start:i]...), '\\', 'n')
		case c == '\r':
			dst = append(append(dst, s[start:i]...), '\\', 'r')
		case c == '\t':
			dst = append(append(dst, s[start:i]...), '\\', 't')
		case c < utf8.RuneSelf, r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[start:i]...), '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		case hidden(r):
			dst = append(append(dst, s[start:i]...),
				'\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			i += n
			continue
		}
		i += n
		start = i
	}
	return append(dst, s[start:]...)
}

// appendKey appends key as the left side of a key=value pair: whatever would
// end it, or may not stand raw, becomes "_"; so does an empty key.
func appendKey(dst []byte, key string) []byte {
	if isBareASCII(key) {
		return append(dst, key...)
	}
	if key == "" {
		return append(dst, '_')
	}
	for i, r := range key {
		switch {
		case r <= ' ', r == '=', r == '"', r == 0x7f, hidden(r):
			dst = append(dst, '_')
		case r == utf8.RuneError:
			// A replacement character that was in the key may stay.
			if strings.HasPrefix(key[i:], "\ufffd") {
				dst = append(dst, "\ufffd"...)
			} else {
				dst = append(dst, '_')
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// isBare reports whether s can be the right side of a key=value pair without
// quotes.
func isBare(s string) bool {
	if isBareASCII(s) {
		return true
	}
	for _, r := range s {
		if r <= ' ' || r == '=' || r == '"' || r == '\\' || r == 0x7f || r == utf8.RuneError || hidden(r) {
			return false
		}
	}
	return s != ""
}

// isBareASCII is isBare for the common case; it is false for a word with other
// characters.
func isBareASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !plain[c] || c == ' ' || c == '=' {
			return false
		}
	}
	return s != ""
}
