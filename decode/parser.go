package decode

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parser reads JSON (RFC 8259) from a string. Its methods return false where
// the text is no JSON; it accepts what encoding/json does. Strings without
// escapes are cut from the text, not copied.
type parser struct {
	s   string
	pos int
}

func (p *parser) space() {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips white space and takes c if it comes next.
func (p *parser) next(c byte) bool {
	p.space()
	if p.pos < len(p.s) && p.s[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// atEnd reports whether only white space is left.
func (p *parser) atEnd() bool {
	p.space()
	return p.pos == len(p.s)
}

// object reads an object; member reads the value of each key.
func (p *parser) object(member func(key string) bool) bool {
	if !p.next('{') {
		return false
	}
	if p.next('}') {
		return true
	}
	for {
		p.space()
		key, ok := p.str()
		if !ok || !p.next(':') || !member(key) {
			return false
		}
		if !p.next(',') {
			return p.next('}')
		}
	}
}

// array reads an array; elem reads each element.
func (p *parser) array(elem func() bool) bool {
	if !p.next('[') {
		return false
	}
	if p.next(']') {
		return true
	}
	for {
		if !elem() {
			return false
		}
		if !p.next(',') {
			return p.next(']')
		}
	}
}

// str reads a string at the current position.
func (p *parser) str() (string, bool) {
	if p.pos >= len(p.s) || p.s[p.pos] != '"' {
		return "", false
	}
	start := p.pos + 1
	for i := start; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.pos = i + 1
			return p.s[start:i], true
		case c == '\\':
			return p.escapedStr(start, i)
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escapedStr is str for a string that begins at start and has its first
// backslash at i.
func (p *parser) escapedStr(start, i int) (string, bool) {
	var b strings.Builder
	for i < len(p.s) {
		switch c := p.s[i]; {
		case c == '"':
			b.WriteString(p.s[start:i])
			p.pos = i + 1
			return b.String(), true
		case c < ' ':
			return "", false
		case c != '\\':
			i++
			continue
		}
		b.WriteString(p.s[start:i])
		if i+1 >= len(p.s) {
			return "", false
		}
		c := p.s[i+1]
		i += 2
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, ok := p.hex4(i)
			if !ok {
				return "", false
			}
			i += 4
			if utf16.IsSurrogate(r) {
				// Half a pair becomes U+FFFD, as in encoding/json.
				pair := rune(utf8.RuneError)
				if strings.HasPrefix(p.s[i:], `\u`) {
					if low, ok := p.hex4(i + 2); ok {
						pair = utf16.DecodeRune(r, low)
					}
				}
				if pair != utf8.RuneError {
					i += 6
				}
				r = pair
			}
			b.WriteRune(r)
			start = i
			continue
		default:
			return "", false
		}
		b.WriteByte(c)
		start = i
	}
	return "", false
}

func (p *parser) hex4(i int) (rune, bool) {
	if i+4 > len(p.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[i : i+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads the text of a number; integer is false when it has a fraction
// or an exponent.
func (p *parser) number() (text string, integer, ok bool) {
	start, i := p.pos, p.pos
	digits := func() bool {
		from := i
		for i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(p.s) && p.s[i] == '-' {
		i++
	}
	if i < len(p.s) && p.s[i] == '0' {
		i++
	} else if !digits() {
		return "", false, false
	}
	integer = true
	if i < len(p.s) && p.s[i] == '.' {
		i++
		integer = false
		if !digits() {
			return "", false, false
		}
	}
	if i < len(p.s) && (p.s[i] == 'e' || p.s[i] == 'E') {
		i++
		integer = false
		if i < len(p.s) && (p.s[i] == '+' || p.s[i] == '-') {
			i++
		}
		if !digits() {
			return "", false, false
		}
	}
	p.pos = i
	return p.s[start:i], integer, true
}

func (p *parser) literal(word string) bool {
	if strings.HasPrefix(p.s[p.pos:], word) {
		p.pos += len(word)
		return true
	}
	return false
}

// skip reads over one value of any depth and returns its text.
func (p *parser) skip() (raw string, ok bool) {
	p.space()
	start := p.pos
	var open []byte // The closing brackets due, innermost last.
	for {
		p.space()
		if p.pos >= len(p.s) {
			return "", false
		}
		switch c := p.s[p.pos]; c {
		case '{', '[':
			p.pos++
			if p.next(c + 2) { // In ASCII brackets close two behind.
				break
			}
			open = append(open, c+2)
			if c == '{' && !p.skipKey() {
				return "", false
			}
			continue
		default:
			if !p.skipScalar(c) {
				return "", false
			}
		}
		for len(open) > 0 && p.next(open[len(open)-1]) {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return p.s[start:p.pos], true
		}
		if !p.next(',') || open[len(open)-1] == '}' && !p.skipKey() {
			return "", false
		}
	}
}

func (p *parser) skipKey() bool {
	p.space()
	_, ok := p.str()
	return ok && p.next(':')
}

func (p *parser) skipScalar(c byte) (ok bool) {
	switch c {
	case '"':
		_, ok = p.str()
	case 't':
		ok = p.literal("true")
	case 'f':
		ok = p.literal("false")
	case 'n':
		ok = p.literal("null")
	default:
		_, _, ok = p.number()
	}
	return ok
}
