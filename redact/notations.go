package redact

import "strings"

// flag finds the value of a command line's flag, --password value, whose first
// dash is at i. What a flag has behind "=" assignment finds.
func (d *Redactor) flag(s string, i, floor int) (from, to int) {
	if i > 0 && (i == floor || !is(s[i-1], space|quote) && s[i-1] != '[' && s[i-1] != '(' && s[i-1] != ',') {
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
	if from == len(s) || from == blanks && !is(s[from], quote) || s[from] == '-' || s[from] == ':' || s[from] == '=' {
		return 0, 0
	}
	v, ok := d.valueAt(s, from)
	if ok && !v.enclosed {
		v = d.credentials(s, v, false, true)
	}
	if !ok || harmless(s[v.from:v.to]) || isSmallWord(s[v.from:v.to]) {
		return 0, 0
	}
	return v.from, v.to
}

// element finds the text of an XML element whose start tag ends at i.
func (d *Redactor) element(s string, i, floor int) (from, to int) {
	const longestTag = 256
	end := i
	if i > floor && is(s[i-1], quote) { // it has attributes
		tag := strings.LastIndexByte(s[max(floor, i-longestTag):i], '<')
		if tag < 0 {
			return 0, 0
		}
		end = max(floor, i-longestTag) + tag + 1
		for end < i && (is(s[end], token) || s[end] == ':' || s[end] == '.') {
			end++
		}
	}
	n := nameBefore(s, end, floor)
	if namedSecret(s[n.start:n.end])&d.on&assignments == 0 {
		return 0, 0
	}
	tag := n.start
	if tag > floor && s[tag-1] == ':' { // its namespace
		for tag--; tag > floor && n.start-tag < maxName && is(s[tag-1], token); tag-- {
		}
	}
	if tag == floor || s[tag-1] != '<' {
		return 0, 0
	}
	from = i + 1
	if data := "<![CDATA["; strings.HasPrefix(s[from:], data) {
		from += len(data)
		if to = strings.Index(s[from:], "]]>"); to < 0 {
			return from, len(s)
		}
		return from, from + to
	}
	for to = from; to < len(s) && s[to] != '<'; to++ {
	}
	if from == to || harmless(s[from:min(to, from+maxName)]) || !strings.HasPrefix(s[to:], "</") || !strings.HasPrefix(s[to+2:], s[tag:n.end]) {
		return 0, 0
	}
	return from, to
}

// cookie finds the pairs of a Cookie or Set-Cookie header (RFC 6265 section
// 4), which start at i.
func cookie(s string, i int) (from, to int) {
	const longestName, longestValue = 256, 4096 // up to the first "="; between quotes
	end := byte(0)
	slashes := i
	for slashes < len(s) && slashes-i < 7 && s[slashes] == '\\' {
		slashes++ // before an escaped quote
	}
	if at(s, slashes, quote) {
		from = slashes + 1
		pair := strings.IndexByte(s[from:min(len(s), from+longestName)], '=')
		if pair < 0 {
			return 0, 0
		}
		if to = closing(s, from, s[slashes], slashes-i); to <= from+pair {
			return 0, 0
		}
		return from, to
	}
	if i < len(s) && s[i] == '[' {
		end = ']' // a list, perhaps of quoted texts
		i++
	} else if i < len(s) && s[i] == '{' {
		end = '}'
		i++
	}
	pairs := false
	for to = i; to < len(s) && s[to] != end && (pairs || to-i < longestName); to++ {
		if s[to] == '=' {
			pairs = true
			if end == 0 && at(s, to+1, quote) { // its value is quoted
				if e := strings.IndexAny(s[to+2:min(len(s), to+2+longestValue)], "\"\r\n"); e >= 0 && s[to+1] == s[to+2+e] {
					to += 2 + e
					continue
				}
			}
		}
		if s[to] == '\\' && end != ']' {
			break // none is in a cookie; a line or a quote ends
		}
		// Without an end of their own they end at a quote around all of the
		// header, or at a blank that divides no pairs.
		if is(s[to], quote) && end != ']' && end != '}' || is(s[to], space) && (s[to] != ' ' || end == 0 && to > i && s[to-1] != ';') {
			break
		}
	}
	if !pairs {
		return 0, 0
	}
	return i, to
}
