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
	if i >= len(s) || is(s[i], space) || s[i] == '{' || placeholder(s, i) {
		return span{}, false
	}
	if is(s[i], letter) && at(s, i+1, quote) {
		i++ // Python's b'…'
	}
	slashes := i
	for slashes < len(s) && slashes-i < 7 && s[slashes] == '\\' {
		slashes++
	}
	switch {
	case at(s, slashes, quote):
		from := slashes + 1
		to := closing(s, from, s[slashes], slashes-i)
		return span{from, to, true}, from < to
	case s[i] == '[':
		if n := d.markLen(s[i:]); n > 0 {
			return span{i, d.wordEnd(s, i+n), false}, true
		}
		from, to := i+1, len(s)
		inner := from + d.markLen(s[from:])
		if end := strings.IndexByte(s[inner:], ']'); end >= 0 {
			to = inner + end
		}
		return span{from, to, true}, from < to
	}
	to := d.wordEnd(s, i+d.markLen(s[i:]))
	if scheme, params := isScheme(s[i:to]); scheme {
		if from := gap(s, to); from > 0 {
			return d.credentials(s, i, from, params)
		}
	}
	return span{i, to, false}, i < to
}

// credentials returns what an HTTP header holds whose scheme starts at i (RFC
// 9110 section 11.4): the scheme, and from there on one word, or parameters
// that go to the end of the line.
func (d *Redactor) credentials(s string, i, from int, params bool) (span, bool) {
	n := d.markLen(s[from:])
	to := d.wordEnd(s, from+n)
	if n > 0 && to == from+n {
		return span{from, to, true}, true
	}
	if params {
		to = len(s)
		if n := strings.IndexAny(s[from:], "\r\n"); n >= 0 {
			to = from + n
		}
	}
	return span{i, to, true}, true
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
			if at(s, i+1, quote) {
				return i
			}
		case c == '<':
			if i+1 < len(s) && s[i+1] == '/' {
				return i
			}
		case i+1 == len(s) || is(s[i+1], space|closer) || s[i+1] == '.' || s[i+1] == ':' && !is(c, quote):
			return i
		case nameAhead(s, i+1):
			return i
		}
	}
	return i
}

// nameAhead reports whether a name and "=" or ":" stand at i.
func nameAhead(s string, i int) bool {
	const longest = 40
	e := i
	for e < len(s) && e-i < longest && (is(s[e], token) || s[e] == '.' || s[e] == ' ') {
		e++
	}
	return e > i && e < len(s) && (s[e] == '=' || s[e] == ':')
}

// isScheme reports whether s is a scheme, the first word of what the HTTP
// header Authorization holds, and whether parameters follow it.
func isScheme(s string) (scheme, params bool) {
	for _, word := range [...]string{"basic", "token", "bearer", "apikey", "negotiate"} {
		if len(s) == len(word) && hasFold(s, 0, word) {
			return true, false
		}
	}
	for _, word := range [...]string{"digest", "oauth", "aws4-hmac-sha256"} {
		if len(s) == len(word) && hasFold(s, 0, word) {
			return true, true
		}
	}
	return false, false
}

// harmless reports whether a value says something about a secret instead of
// being one.
func harmless(s string) bool {
	if strings.Trim(s, "*") == "" {
		return true
	}
	if len(s) > 24 {
		return false
	}
	var buf [24]byte
	switch string(appendLower(buf[:0], s)) {
	case "true", "false", "null", "nil", "(nil)", "none", "undefined", "empty", "required", "missing", "invalid",
		"expired", "incorrect", "wrong", "unset", "set", "not", "must", "is", "ok", "yes", "no", "optional", "disabled",
		"enabled", "changed", "unknown", "default", "redacted", "string", "failed", "unauthorized", "forbidden", "denied",
		"?", "...", "%s", "%v", "%q", "%d":
		return true
	}
	// A parameter of a statement: $1, :password, @p1; a variable: $PASSWORD.
	switch rest := s[1:]; s[0] {
	case '$':
		return run(rest, 0, digit) == len(rest) || run(rest, 0, upper|dash) == len(rest)
	case ':', '@':
		return rest != "" && len(rest) <= 16 && run(rest, 0, lower|dash|digit) == len(rest)
	}
	return false
}

// placeholder reports whether something like ${PASSWORD} or <nil> stands at i.
func placeholder(s string, i int) bool {
	const longest = 40
	end := byte('>')
	switch {
	case s[i] == '<':
		i++
	case strings.HasPrefix(s[i:], "${"):
		i += len("${")
		end = '}'
	default:
		return false
	}
	e := run(s[:min(len(s), i+longest)], i, letter|dash)
	return e > i && e < len(s) && s[e] == end && (e+1 == len(s) || is(s[e+1], space|closer))
}

// isDirectory reports whether a name means the working directory, and what
// stands behind it one.
func isDirectory(name, rest string) bool {
	if len(name) < 3 || !hasFold(name, len(name)-3, "pwd") {
		return false
	}
	if at(rest, 0, quote) {
		rest = rest[1:]
	}
	return rest != "" && (rest[0] == '/' || rest[0] == '~') || len(rest) > 2 && rest[1] == ':' && rest[2] == '\\'
}

// isSmallWord knows the words that follow a flag's name in a sentence.
func isSmallWord(s string) bool {
	switch s {
	case "to", "or", "and", "flag", "option", "for", "from", "with", "in", "was", "when", "has", "argument", "on", "if", "string,", "the":
		return true
	}
	return false
}

// likelySecret tells the value in "password: hunter2" from the next word of a
// message, as in "check password: too short" and "read token: EOF".
func (d *Redactor) likelySecret(s string, n name, v span) bool {
	const longestWord = 64
	value := s[v.from:v.to]
	if i := strings.IndexByte(value, '['); i > 0 && d.markLen(value[i:]) > 0 {
		value = value[:i] // a later name's
	}
	if len(value) > longestWord {
		return true
	}
	if v.to < len(s) && s[v.to] == ':' || value[len(value)-1] == ':' || value[0] == '/' || value[0] == '(' {
		return false // an error that wraps another, a path, an aside
	}
	k := kindsIn(value)
	if k&quote != 0 {
		return true // Some("x")
	}
	if k&digit != 0 && (len(value) >= 4 || k&letter != 0) {
		return true
	}
	if k&digit == 0 && k&lower != 0 && kindsIn(value[1:])&upper != 0 {
		return true
	}
	// A lone word: only where the line has nothing but name and value.
	start := n.start
	for start > 0 && n.start-start < longestWord && s[start-1] == ' ' {
		start--
	}
	end := v.to
	for end < len(s) && end-v.to < longestWord && s[end] == ' ' {
		end++
	}
	return k&digit == 0 && (start == 0 || s[start-1] == '\n' || s[start-1] == '{' || s[start-1] == ',') &&
		(end == len(s) || s[end] == '\n' || s[end] == '\r' || s[end] == '}' || s[end] == ',')
}
