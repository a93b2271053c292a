package redact

import "strings"

// assignment finds the value of a secret name that the "=" or ":" at i gives
// it, in whatever notation: name=value, name: value, "name":"value", :name =>
// "value", name:="value", or \"name\":\"value\" inside of another string.
func (d *Redactor) assignment(s string, i, floor int) (from, to int) {
	n := nameBefore(s, i, floor)
	secret := namedSecret(s[n.start:n.end])
	if secret == 0 && n.start-1 > floor && s[n.start-1] == ' ' {
		// In sentences names have blanks: API key.
		for n.start--; n.start > floor && n.end-n.start < maxName && is(s[n.start-1], letter); {
			n.start--
		}
		n.sentence = true
		secret = namedSecret(s[n.start:n.end])
	}
	if secret&d.on&^urlPasswords == 0 && (secret == 0 || d.on&urlPasswords == 0 || !n.inQuery(s)) {
		return 0, 0
	}
	from = i + 1
	for from < len(s) && from-i < 3 && (s[from] == '=' || s[from] == '>') {
		from++
	}
	blanks := from
	for from < len(s) && (s[from] == ' ' || s[from] == '\t') {
		from++
	}
	prose := s[i] == ':' && (from > blanks || n.start > floor && s[n.start-1] == '(')
	switch {
	case s[i] == ':' && n.start > floor && s[n.start-1] == ':':
		return 0, 0 // one of many parts, such as those of a URN
	case s[i] == '=' && n.end == i && from > blanks && pairAhead(s, from):
		return 0, 0 // password= user=bob
	case prose && n.start-len(parsers) >= floor && hasFold(s, n.start-len(parsers), parsers):
		return 0, 0
	case isDirectory(s[n.start:n.end], s[from:]):
		return 0, 0
	case secret&cookies != 0:
		return cookie(s, from)
	}
	v, ok := d.valueAt(s, from)
	if !ok {
		return 0, 0
	}
	if !v.enclosed {
		header := isHeader(s[n.start:n.end])
		v = d.credentials(s, v, header, header || !prose)
	}
	value := s[v.from:v.to]
	switch {
	case d.isMark(value):
		return v.from, v.to
	case harmless(value), isPath(value), n.ending && !v.enclosed, prose && !v.enclosed && !d.likelySecret(s, n, v):
		return 0, 0
	}
	return v.from, v.to
}

// parsers call any word of the text that they read a token.
const parsers = "unexpected "

// A name is where the name of a value stands in a text.
type name struct {
	start, end int
	floor      int // nothing before it is looked at
	quoted     bool
	ending     bool // what is quoted only ends with it: "https://host/token"
	sentence   bool // it holds a blank
}

// nameBefore returns the name that ends before i, but for blanks, a quote or a
// form field's bracket; an empty one if it cannot be a secret's. Nothing
// before floor belongs to it.
func nameBefore(s string, i, floor int) (n name) {
	const most = 4 // blanks, and backslashes
	n.floor = floor
	j := i
	for j > floor && i-j < most && s[j-1] == ' ' {
		j--
	}
	if j > floor && is(s[j-1], quote) {
		n.quoted = true
		j--
		for q := j; j > floor && q-j < most && s[j-1] == '\\'; {
			j--
		}
	}
	switch {
	case j > floor && s[j-1] == ']':
		j--
	case j-3 >= floor && hasFold(s, j-3, "%5d"):
		j -= 3
	}
	if n.end = j; !mayBeNamed(s, j) {
		return name{}
	}
	for j > floor && n.end-j < maxName && (is(s[j-1], token) || s[j-1] == '.') {
		j--
	}
	n.start = j
	n.ending = n.quoted && !(j > floor && (is(s[j-1], quote) || s[j-1] == '['))
	return n
}

// inQuery reports whether n is a parameter in the query of a URL, whose "&"
// HTML and JSON may have escaped.
func (n name) inQuery(s string) bool {
	before := s[max(n.floor, n.start-len("&amp;")):n.start]
	return strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&") || before == "&amp;" ||
		strings.HasSuffix(before, `\`) && strings.HasPrefix(s[n.start:n.end], "u0026")
}

// pairAhead reports whether name=value stands at i.
func pairAhead(s string, i int) bool {
	e := run(s[:min(len(s), i+maxName)], i, token)
	return e > i && e+1 < len(s) && s[e] == '=' && s[e+1] != '=' && !is(s[e+1], space)
}
