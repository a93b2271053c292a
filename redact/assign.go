package redact

import "strings"

// assignment finds the value of a secret name that the "=" or ":" at i gives
// it, in whatever notation: name=value, name: value, "name":"value", :name =>
// "value", name:="value", or \"name\":\"value\" inside of another string.
func (d *Redactor) assignment(s string, i, floor int) (from, to int) {
	n := nameBefore(s, i, floor)
	if n.start == n.end {
		return 0, 0
	}
	secret := namedSecret(s[n.start:n.end])
	if secret == 0 {
		return 0, 0
	}
	if secret&d.on&^urlPasswords == 0 && !(d.on&urlPasswords != 0 && n.inQuery(s)) {
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
	if s[i] == '=' && n.end == i && from > blanks && pairAhead(s, from) {
		return 0, 0 // password= user=bob
	}
	prose := s[i] == ':' && from > blanks && !n.quoted
	if prose && hasFold(s, max(floor, n.start-len("unexpected ")), "unexpected ") {
		return 0, 0 // a parser speaks
	}
	if s[i] == ':' && n.start > floor && s[n.start-1] == ':' {
		return 0, 0 // one of many parts, such as those of an URN
	}
	if secret&cookies != 0 {
		return cookie(s, from)
	}
	v, ok := d.valueAt(s, from)
	if ok && d.isMark(s[v.from:v.to]) {
		return v.from, v.to
	}
	if !ok || harmless(s[v.from:v.to]) || isDirectory(s[n.start:n.end], s[v.from:v.to]) {
		return 0, 0
	}
	if prose && !v.enclosed && !d.likelySecret(s, n, v) {
		return 0, 0
	}
	return v.from, v.to
}

// A name is where the name of a value stands in a text.
type name struct {
	start, end int
	quoted     bool
}

// nameBefore returns the name that ends before i, but for blanks, a quote or a
// form field's bracket; an empty one if it cannot be a secret's. Nothing
// before floor belongs to it.
func nameBefore(s string, i, floor int) (n name) {
	const most = 4 // blanks, and backslashes
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
	return n
}

// inQuery reports whether n is a parameter in the query of a URL, whose "&"
// HTML and JSON may have escaped.
func (n name) inQuery(s string) bool {
	before := s[max(0, n.start-len("&amp;")):n.start]
	return strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&") || before == "&amp;" ||
		strings.HasSuffix(before, `\`) && strings.HasPrefix(s[n.start:n.end], "u0026")
}

// pairAhead reports whether name=value stands at i.
func pairAhead(s string, i int) bool {
	e := run(s[:min(len(s), i+maxName)], i, token)
	return e > i && e+1 < len(s) && s[e] == '=' && s[e+1] != '=' && !is(s[e+1], space)
}

// flag finds the value of a command line's flag, --password value, whose first
// dash is at i. What a flag has behind "=" assignment finds.
func (d *Redactor) flag(s string, i int) (from, to int) {
	if i > 0 && !is(s[i-1], space|quote) && s[i-1] != '[' && s[i-1] != '(' && s[i-1] != ',' {
		return 0, 0
	}
	start := run(s, i, dash)
	end := start
	for end < len(s) && end-start < maxName && is(s[end], token) {
		end++
	}
	if start-i > 2 || end == start || end == len(s) || namedSecret(s[start:end])&d.on&assignments == 0 {
		return 0, 0
	}
	from = end
	if is(s[from], quote) { // ["--password","value"]
		from++
		if at(s, from, closer) && s[from] == ',' {
			from++
		}
	}
	blanks := from
	for from < len(s) && is(s[from], space) && s[from] != '\n' {
		from++
	}
	if from == len(s) || from == blanks && !is(s[from], quote) || s[from] == '-' {
		return 0, 0
	}
	v, ok := d.valueAt(s, from)
	if !ok || harmless(s[v.from:v.to]) || isSmallWord(s[v.from:v.to]) {
		return 0, 0
	}
	return v.from, v.to
}

// element finds the text of an XML element whose start tag ends at i.
func (d *Redactor) element(s string, i, floor int) (from, to int) {
	n := nameBefore(s, i, floor)
	if n.start == n.end || n.start == floor || s[n.start-1] != '<' && s[n.start-1] != ':' ||
		namedSecret(s[n.start:n.end])&d.on&assignments == 0 {
		return 0, 0
	}
	from = i + 1
	for to = from; to < len(s) && s[to] != '<'; to++ {
	}
	if to+1 >= len(s) || s[to+1] != '/' || from == to {
		return 0, 0
	}
	return from, to
}

// cookie finds the pairs of a Cookie or Set-Cookie header (RFC 6265 section
// 4), which start at i.
func cookie(s string, i int) (from, to int) {
	stop := byte(0)
	if i < len(s) && (is(s[i], quote) || s[i] == '[') {
		if stop = s[i]; stop == '[' {
			stop = ']'
		}
		i++
	}
	pairs := false
	to = i
	for to < len(s) && s[to] != stop && !is(s[to], quote) {
		if c := s[to]; c == '=' {
			pairs = true
		} else if is(c, space) && (c != ' ' || stop == 0 && to > i && s[to-1] != ';') {
			break
		}
		to++
	}
	if !pairs {
		return 0, 0
	}
	return i, to
}
