package redact

import "strings"

// span is where a value stands in a text.
type span struct {
	from, to int
	enclosed bool // between quotes or brackets, which are not part of it
}

// valueAt returns the value that starts at i: between quotes (which may be
// escaped), between brackets, or up to what ends a word. A quote that nobody
// closes goes to the end of the text. An object with names of its own is no
// value.
func (d *Redactor) valueAt(s string, i int) (span, bool) {
	if i >= len(s) || is(s[i], space) || placeholder(s, i) {
		return span{}, false
	}
	if strings.IndexByte("bBrRuUfF", s[i]) >= 0 && at(s, i+1, quote) {
		i++ // Python's b'…'
	}
	slashes := i
	for slashes < len(s) && slashes-i < 7 && s[slashes] == '\\' {
		slashes++
	}
	if n := entity(s[i:]); n > 0 {
		from, to := i+n, len(s)
		if end := strings.Index(s[from:], s[i:from]); end >= 0 {
			to = from + end
		}
		return span{from, to, true}, from < to
	}
	switch {
	case at(s, slashes, quote):
		from := slashes + 1
		to := closing(s, from, s[slashes], slashes-i)
		return span{from, to, true}, from < to
	case s[i] == '{':
		return braced(s, i)
	case strings.HasPrefix(s[i:], "[{"):
		return span{}, false
	case s[i] == '[':
		if n := d.markLen(s[i:]); n > 0 {
			return span{i, d.word(s, i), false}, true
		}
		if v, ok := list(s, i+1); ok {
			return v, true
		}
		from, to := i+1, len(s)
		inner := from + d.markLen(s[from:])
		if end := strings.IndexByte(s[inner:], ']'); end >= 0 {
			to = inner + end
		}
		return span{from, to, true}, from < to
	}
	to := d.word(s, i)
	return span{i, to, false}, i < to
}

// list returns the quoted texts that start at i, from inside of the first
// quote to inside of the last one, so that what holds them stays a list.
func list(s string, i int) (span, bool) {
	v := span{enclosed: true}
	for n := 0; ; n++ {
		slashes := i
		for slashes < len(s) && slashes-i < 7 && s[slashes] == '\\' {
			slashes++
		}
		if !at(s, slashes, quote) {
			return v, n > 0
		}
		if n == 0 {
			v.from = slashes + 1
		}
		v.to = closing(s, slashes+1, s[slashes], slashes-i)
		for i = v.to + slashes - i + 1; i < len(s) && (s[i] == ',' || is(s[i], space)); {
			i++
		}
	}
}

// goList stands before a list that %#v prints.
const goList = "[]string"

// braced returns what stands in the braces at i if that is one value, as in
// Go's []string{"x"} and ODBC's Pwd={x;y}, and no object with names of its own.
func braced(s string, i int) (span, bool) {
	const longest = 256
	if v, ok := list(s, i+1); ok && strings.HasSuffix(s[:i], goList) {
		return v, true
	}
	end := strings.IndexAny(s[i+1:min(len(s), i+longest)], "}:{\"'`\n")
	if end <= 0 || s[i+1+end] != '}' || s[i-1] != '=' {
		return span{}, false
	}
	return span{i + 1, i + 1 + end, true}, true
}

// credentials widens v, a word, to all that an HTTP header holds if the word is
// a scheme (RFC 9110 section 11.4): what follows is one word, or parameters
// that go to the end of the line. In the header itself any scheme may stand.
// Known ones are ordinary words too ("token is malformed"), so what follows
// them must look like a secret, unless loose.
func (d *Redactor) credentials(s string, v span, header, loose bool) span {
	from := gap(s, v.to)
	scheme := isScheme(s[v.from:v.to])
	if from == 0 || !scheme && !(header && is(s[v.from], upper) && run(s, v.from, token) == v.to) {
		return v
	}
	n := d.markLen(s[from:])
	to := d.wordEnd(s, from+n)
	if n > 0 && to == from+n {
		return span{from, to, true}
	}
	word := strings.TrimRight(s[from:to], "=")
	if i := strings.IndexByte(word, '['); i >= 0 && d.markLen(word[i:]) > 0 {
		word = word[:i] // the mark is another name's
	}
	switch params := strings.IndexByte(word, '='); {
	case params > 0 && (scheme || strings.HasPrefix(word[params:], `="`)):
		to = len(s)
		if n := strings.IndexAny(s[from:], "\r\n"); n >= 0 {
			to = from + n
		}
	case params < 0 && opaque(word), scheme && loose && word != "" && !harmless(word) && !isSmallWord(word):
	default:
		return v
	}
	return span{v.from, to, true}
}

// isHeader reports whether a name is that of the header that holds credentials.
func isHeader(name string) bool {
	const header = "authorization"
	return len(name) >= len(header) && hasFold(name, len(name)-len(header), header)
}

// closing returns where the value that starts at i ends: before the closing
// quote, which is escaped as the opening one was, with n backslashes.
func closing(s string, i int, q byte, n int) int {
	for j := i; j < len(s); j++ {
		if s[j] != q {
			continue
		}
		k := j
		for k > i && s[k-1] == '\\' {
			k--
		}
		if slashes := j - k; slashes%(2*(n+1)) == n {
			return j - n
		}
	}
	return len(s)
}

// word returns where the unquoted value ends that starts at i. Behind a mark a
// closer ended what the mark stands for.
func (d *Redactor) word(s string, i int) int {
	n := d.markLen(s[i:])
	if n > 0 && at(s, i+n, closer) {
		return i + n
	}
	return d.wordEnd(s, i+n)
}

// wordEnd returns where the unquoted value ends that goes on at i. Passwords
// are full of punctuation, so that ends one only if no further part of a word
// follows, or if the next name does.
func (d *Redactor) wordEnd(s string, i int) int {
	for ; i < len(s); i++ {
		c := s[i]
		if is(c, space) {
			return i
		}
		if c == '[' {
			i += max(1, d.markLen(s[i:])) - 1
			continue
		}
		if !is(c, closer) {
			continue
		}
		switch {
		case c == '\\':
			if at(s, i+1, quote) || d.escapedEnd(s, i) {
				return i
			}
		case c == '<':
			if i+1 < len(s) && s[i+1] == '/' {
				return i
			}
		case i+1 == len(s) || is(s[i+1], space|closer) || s[i+1] == '.' || s[i+1] == ':' && !is(c, quote):
			return i
		case d.markLen(s[i+1:]) > 0, d.nameAhead(s, i+1):
			return i // the mark's secret was none of this value's
		}
	}
	return i
}

// escapedEnd reports whether the backslash at i belongs to an escaped newline
// that ends a value: nothing, another line's name or a quote follows. What a
// password holds may look like one.
func (d *Redactor) escapedEnd(s string, i int) bool {
	const most = 4 // newlines
	start := i
	for i+1 < len(s) && i-start < 2*most && s[i] == '\\' && (s[i+1] == 'n' || s[i+1] == 'r') {
		i += 2
	}
	return i > start && (i == len(s) || is(s[i], quote|space) || s[i] == '\\' && at(s, i+1, quote) || d.nameAhead(s, i))
}

// nameAhead reports whether a name and "=" or ":" stand at i. A mark in it was
// part of the name.
func (d *Redactor) nameAhead(s string, i int) bool {
	const longest = 40
	e, n := i, 0
	for e < len(s) && n < longest {
		if s[e] == '[' {
			mark := d.markLen(s[e:])
			if mark == 0 {
				break
			}
			e += mark
		} else if is(s[e], token) || s[e] == '.' || s[e] == ' ' {
			e++
			n++
		} else {
			break
		}
	}
	return e > i && e < len(s) && (s[e] == '=' || s[e] == ':')
}

// isScheme knows the schemes that are in use, and the words that stand for one.
func isScheme(s string) bool {
	for _, word := range [...]string{"basic", "token", "bearer", "apikey", "negotiate", "digest", "oauth", "aws4-hmac-sha256"} {
		if len(s) == len(word) && hasFold(s, 0, word) {
			return true
		}
	}
	return false
}
