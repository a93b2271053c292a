package redact

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
	n := nameBefore(s, i, floor)
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
	const longestName = 256 // up to the first "="
	end := byte(0)
	if i < len(s) && s[i] == '[' {
		end = ']' // a list, perhaps of quoted texts
		i++
	} else if at(s, i, quote) {
		end = s[i]
		i++
	}
	pairs := false
	for to = i; to < len(s) && s[to] != end && (pairs || to-i < longestName); to++ {
		if s[to] == '=' {
			pairs = true
		}
		// Without an end of their own they end at a quote around all of the
		// header, or at a blank that divides no pairs.
		if is(s[to], quote) && end != ']' || is(s[to], space) && (s[to] != ' ' || end == 0 && to > i && s[to-1] != ';') {
			break
		}
	}
	if !pairs {
		return 0, 0
	}
	return i, to
}
