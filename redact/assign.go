package redact

import "strings"

// assignment finds the value of a secret name that the "=" or ":" at i gives
// it, in whatever notation: name=value, name: value, "name":"value", :name =>
// "value", name:="value", or \"name\":\"value\" inside of another string.
func (d *Redactor) assignment(s string, i, floor int) (from, to int) {
	n := nameBefore(s, i, floor)
	if n.end == 0 {
		return 0, 0
	}
	secret := namedSecret(s[n.start:n.end])
	if secret == 0 && n.start-1 > floor && s[n.start-1] == ' ' {
		// In sentences names have blanks: API key.
		for n.start--; n.start > floor && n.end-n.start < maxName && is(s[n.start-1], letter); {
			n.start--
		}
		n.sentence = true
		secret = namedSecret(s[n.start:n.end])
	}
	if secret == 0 && n.quoted && hasFold(s, n.start, "value") && n.end-n.start == len("value") {
		secret = d.pairBefore(s, n)
	}
	if secret&d.on&^urlPasswords == 0 && (secret == 0 || d.on&urlPasswords == 0 || !n.inQuery(s) && !(secret == urlPasswords && n.start == 0 && isQuery(s, n.end))) {
		return 0, 0
	}
	from = i + 1
	for from < len(s) && from-i < 3 && (s[from] == '=' || s[from] == '>') {
		from++
	}
	blanks := from
	for from < len(s) && (s[from] == ' ' || s[from] == '\t' || n.quoted && is(s[from], space) && s[from] != escape) {
		from++ // JSON may go on in the next line
	}
	from += colour(s[from:])
	if strings.HasPrefix(s[from:], goList) {
		from += len(goList)
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
	case secret&counted != 0 && strings.Trim(value, "0123456789, ") == "":
		return 0, 0
	case !v.enclosed && len(value) > longestRefused: // what is looked at so far must be found, or time is not linear
	case harmless(value), isPath(value), n.ending && !v.enclosed, prose && !v.enclosed && !d.likelySecret(s, n, v):
		return 0, 0
	}
	return v.from, v.to
}

// longestRefused is how long a value without quotes may be that is none, in bytes.
const longestRefused = 256

// pairBefore returns what namedSecret says of the name in front of n as in
// "name":"DB_PASSWORD","value":…, the form that environments have in JSON.
func (d *Redactor) pairBefore(s string, n name) preset {
	const most = 8 // blanks
	i := n.start - quoteBefore(s[n.floor:n.start])
	for i > n.floor && s[i-1] == '\\' {
		i--
	}
	for start := i; i > n.floor && start-i < most && is(s[i-1], space); {
		i--
	}
	if i == n.floor || s[i-1] != ',' {
		return 0
	}
	named := nameBefore(s, i-1, n.floor)
	if named.end == 0 {
		return 0
	}
	before := s[max(n.floor, named.start-len(`\"name\": \"`)):named.start]
	if !named.quoted || named.ending || !strings.Contains(before, `name`) && !strings.Contains(before, "Name") && !strings.Contains(before, "key") {
		return 0
	}
	return namedSecret(s[named.start:named.end])
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

// nameBefore returns the name that ends before i, but for blanks, colours, a
// quote and the index or bracket of a form's field; an empty one if it cannot
// be a secret's. Nothing before floor belongs to it.
func nameBefore(s string, i, floor int) (n name) {
	const most, widest = 4, 32 // backslashes; blanks
	n.floor = floor
	j := i
	if j-2 > floor && is(s[j-1], letter) && s[j-1] != 'm' && s[j-3] != '%' && !endings[ending(s[j-3], s[j-2], s[j-1])] {
		return name{} // that of most values; a colour ends with m
	}
	for j > floor && i-j < widest && (s[j-1] == ' ' || s[j-1] == '\t') {
		j--
	}
	if j > floor && s[j-1] == 'm' {
		j -= colourBefore(s[floor:j])
	}
	switch q := quoteBefore(s[floor:j]); {
	case q > 1:
		n.quoted = true
		j -= q
	case q == 1:
		n.quoted = true
		j--
		for q := j; j > floor && q-j < most && s[j-1] == '\\'; {
			j--
		}
	}
	switch {
	case j > floor && s[j-1] == ']':
		j--
		for e := j; j > floor && e-j < most && is(s[j-1], digit); {
			j--
		}
		if j > floor && s[j-1] == '[' {
			j--
		}
	case j-3 >= floor && hasFold(s, j-3, "%5d"):
		j -= 3
	}
	if n.end = j; !mayBeNamed(s, j) {
		return name{}
	}
	for j > floor && n.end-j < maxName && (is(s[j-1], token) || s[j-1] == '.') {
		j--
	}
	n.start = j + afterEscape(s, floor, j, n.end)
	n.ending = n.quoted && quoteBefore(s[floor:n.start]) == 0 && !(n.start > floor && s[n.start-1] == '[')
	return n
}

// afterEscape returns the length of what seems to be the beginning of the name
// s[i:end], but is the end of what stands before it: \n, \u0026, a colour.
func afterEscape(s string, floor, i, end int) int {
	if i == floor || i == end {
		return 0
	}
	switch before, name := s[i-1], s[i:end]; {
	case before == '\\' && len(name) > 5 && name[0] == 'u' && run(name[:5], 1, digit|hexDigit) == 5:
		return 5
	case before == '\\' && (name[0] == 'n' || name[0] == 'r' || name[0] == 't') && namedSecret(name[1:]) != 0:
		return 1
	case before == '[' || before == ';':
		if m := run(name, 0, digit); m < len(name) && name[m] == 'm' && colourBefore(s[floor:i+m+1]) > 0 {
			return m + 1
		}
	}
	return 0
}

// isQuery reports whether s, whose first name is that of a signature and ends
// at i, is a query that stands alone. A signal is none: sig=SIGTERM, sig=11.
func isQuery(s string, i int) bool {
	const longest = 4096
	e := run(s[:min(len(s), i+longest)], i+1, token68|local)
	value := s[i+1 : e]
	return s[i] == '=' && (e == len(s) || s[e] == '&') && !strings.HasPrefix(value, "SIG") && run(value, 0, digit) < len(value)
}

// inQuery reports whether n is a parameter in the query of a URL, whose "&"
// HTML and JSON may have escaped.
func (n name) inQuery(s string) bool {
	before := s[max(n.floor, n.start-len(`\u0026`)):n.start]
	return strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&") || strings.HasSuffix(before, "&amp;") ||
		strings.HasSuffix(before, `\u0026`)
}

// pairAhead reports whether name=value stands at i.
func pairAhead(s string, i int) bool {
	e := run(s[:min(len(s), i+maxName)], i, token)
	return e > i && e+1 < len(s) && s[e] == '=' && s[e+1] != '=' && !is(s[e+1], space)
}
