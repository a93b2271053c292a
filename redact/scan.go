package redact

import "strings"

// Why the scan stops at a byte.
const (
	stopFinder = 1 << iota // a finder wants to look around
	stopMark               // a mark may begin
)

// scan returns s with what the presets find replaced, and whether there was
// anything. It passes over s once; a finder is asked only at bytes that can
// belong to what it looks for.
//
// What keeps this linear: a finder looks back, and forward again, over a
// bounded number of bytes; or over a run of bytes that no other position makes
// it look over (the rest of a word whose beginning this is); or over what it
// then finds, behind which the scan goes on.
//
// Marks divide a text as the secrets did that they stand for, so what is
// redacted twice is the same as what is redacted once.
func (d *Redactor) scan(s string) (string, bool) {
	var out []byte
	done := 0  // of s, what is in out
	floor := 0 // finders look back no farther
	stop := &d.stop
	for i := 0; ; i++ {
		for i < len(s) && stop[s[i]] == 0 {
			i++
		}
		if i >= len(s) {
			break
		}
		c := s[i]
		if is(c, digit) && i > floor && is(s[i-1], token) {
			continue // no number begins within another or a word
		}
		if stop[c]&stopMark != 0 {
			if n := d.markLen(s[i:]); n > 0 {
				floor = i + n
				i = floor - 1
				continue
			}
			if stop[c]&stopFinder == 0 {
				continue
			}
		}
		from, to := d.look(s, i, floor)
		if from == to {
			continue
		}
		floor, i = to, to-1
		if d.isMark(s[from:to]) {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(s)+len(d.replacement))
		}
		out = append(out, s[done:from]...)
		q := numberQuote(s, from, to)
		out = append(out, q...)
		out = d.appendMark(out, s[from:to])
		out = append(out, q...)
		done = to
	}
	if out == nil {
		return s, false
	}
	return string(append(out, s[done:]...)), true
}

// numberQuote returns the quote that must enclose what replaces s[from:to] if
// that is a number in JSON: the one that its key has, as it is escaped there.
func numberQuote(s string, from, to int) string {
	const most = 8 // blanks, and backslashes
	for i := from; i < to; i++ {
		if !is(s[i], digit) && s[i] != '-' && s[i] != '.' {
			return ""
		}
	}
	if to == len(s) || !is(s[to], space) && s[to] != ',' && s[to] != '}' && s[to] != ']' {
		return ""
	}
	i := from
	for i > 0 && from-i < most && is(s[i-1], space) {
		i--
	}
	if i < 2 || s[i-1] != ':' || s[i-2] != '"' {
		return ""
	}
	j := i - 2
	for j > 0 && i-j < most && s[j-1] == '\\' {
		j--
	}
	return s[j : i-1]
}

// look returns where the secret lies that the byte s[i] belongs to, or
// announces; from == to means there is none. Nothing before floor is looked
// at: it is replaced. to > i, so that the scan goes on.
func (d *Redactor) look(s string, i, floor int) (from, to int) {
	switch c := s[i]; c {
	case ':':
		return d.colon(s, i, floor)
	case '=':
		from, to = d.assignment(s, i, floor)
	case '-':
		if i > floor && is(s[i-1], token) && !starts(s, i, floor) {
			if d.on&apiKeys != 0 {
				from, to = prefixed(s, i, floor)
			}
			return from, to
		}
		if d.on&privateKeys != 0 && at(s, i+1, dash) {
			from, to = privateKey(s, i)
		}
		if from == to && d.on&assignments != 0 {
			from, to = d.flag(s, i, floor)
		}
	case '_', '.', 'I', 'K', 'F':
		from, to = prefixed(s, i, floor)
	case 'J':
		from, to = webToken(s, i, floor)
	case 'B', 'b':
		if i+1 < len(s) && (s[i+1]|0x20 == 'e' || s[i+1]|0x20 == 'a') {
			from, to = d.scheme(s, i, floor)
		}
	case '>':
		from, to = d.element(s, i, floor)
	case '@':
		if d.on&urlPasswords != 0 {
			from, to = dsnPassword(s, i, floor)
		}
		if from == to && d.on&emails != 0 {
			from, to = email(s, i, floor)
		}
	default: // a digit
		switch e := run(s, i, digit); {
		case e-i >= leastGroup:
			if d.on&creditCards != 0 {
				from, to = card(s, i, floor)
			}
		case e < len(s) && s[e] == '.':
			if d.on&ipAddresses != 0 {
				from, to = ipv4(s, i, floor)
			}
		}
	}
	return from, to
}

// colon is look at a colon, which has the most meanings.
func (d *Redactor) colon(s string, i, floor int) (from, to int) {
	for _, slashes := range [...]string{"://", `:\/\/`} { // JSON may escape them
		if i+1 == len(s) || s[i+1] != slashes[1] || !strings.HasPrefix(s[i:], slashes) {
			continue
		}
		if d.on&urlPasswords != 0 {
			from, to = d.urlPassword(s, i+len(slashes))
		}
		if from == to && d.on&apiKeys != 0 {
			from, to = webhook(s, i+len(slashes))
		}
		return from, to
	}
	if d.on&urlPasswords != 0 && i-len("User") >= floor && s[i-len("User"):i] == "User" {
		if from, to = userinfo(s, i+1); from < to {
			return from, to
		}
	}
	if d.on&apiKeys != 0 {
		from, to = botToken(s, i, floor)
	}
	if from == to {
		from, to = d.assignment(s, i, floor)
	}
	if from == to && d.on&ipAddresses != 0 {
		from, to = ipv6(s, i, floor)
	}
	return from, to
}
