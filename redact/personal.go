package redact

import "strings"

// leastGroup is how many digits of a card's number stand together at least,
// the last ones excepted.
const leastGroup = 4

// card finds the number of a payment card that starts at i: 13 to 19 digits
// in a range that some network has (ISO/IEC 7812-1), in groups that one blank or dash divides, with the right check digit.
func card(s string, i, floor int) (from, to int) {
	var digits [19]byte
	n, sep := 0, byte(0)
	if i > floor && s[i-1] == '.' {
		return 0, 0
	}
	for e := i; ; e++ {
		end := run(s[:min(len(s), e+len(digits)+1)], e, digit)
		if n+end-e > len(digits) {
			break
		}
		for j := e; j < end; j++ {
			digits[n] = s[j] - '0'
			n++
		}
		group := end - e
		e = end
		if !at(s, e, letter) && !(at(s, e+1, digit) && s[e] == '.') && issued(digits[:n]) && luhn(digits[:n]) {
			to = e // but another group may belong to it
		}
		if group < leastGroup || e == len(s) || (s[e] != ' ' && s[e] != '-') || (sep != 0 && s[e] != sep) || !at(s, e+1, digit) {
			break
		}
		sep = s[e]
	}
	if to == 0 || at(s, to, dash) {
		return 0, 0
	}
	return i, to
}

// issued reports whether some network issues cards whose numbers begin and are
// as long as this one.
func issued(d []byte) bool {
	n := len(d)
	if n < 13 {
		return false
	}
	four := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	two := four / 100
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard
		return n == 16
	case two == 34, two == 37: // American Express
		return n == 15
	case four == 6011, four >= 6440 && four <= 6599, two == 62: // Discover, UnionPay
		return n >= 16
	case four >= 3528 && four <= 3589: // JCB
		return n >= 16
	case four >= 3000 && four <= 3059, two == 36, two == 38, two == 39: // Diners Club
		return n >= 14
	case two == 50, two >= 56 && two <= 58, two == 63, two == 67: // Maestro
		return n >= 13
	}
	return false
}

// luhn checks the last digit (ISO/IEC 7812-1 annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// email finds the address around the @ at i. Parts beyond ASCII and quoted
// ones are not looked for.
func email(s string, i, floor int) (from, to int) {
	const longestLocal, longestDomain = 64, 255 // RFC 5321 section 4.5.3.1
	for from = i; from > floor && i-from < longestLocal && is(s[from-1], local); from-- {
	}
	for from < i && !is(s[from], letter|digit) {
		from++
	}
	if from == i || !is(s[i-1], letter|digit|dash) || s[from:i] == "git" {
		return 0, 0
	}
	last := i // the domain's last dot
	for to = i + 1; to < len(s) && to-i <= longestDomain && (is(s[to], letter|digit) || s[to] == '-' || s[to] == '.'); to++ {
		if s[to] == '.' {
			if !is(s[to-1], letter|digit) {
				break
			}
			if at(s, to+1, letter|digit) {
				last = to
			}
		}
	}
	for to > i && !is(s[to-1], letter|digit) {
		to--
	}
	if last == i || to-last-1 < 2 || kindsIn(s[last+1:to])&^(letter|hexDigit|token68|local) != 0 || isFile(s[last+1:to]) {
		return 0, 0
	}
	return from, to
}

// isFile knows endings of what has an @ in its name without being an address:
// systemd's units, images for fine screens.
func isFile(ending string) bool {
	switch strings.ToLower(ending) {
	case "service", "socket", "timer", "target", "slice", "scope", "mount", "path", "png", "jpg", "svg", "gif", "webp", "js", "ts":
		return true
	}
	return false
}

// ipv4 finds an address that starts at i. Four numbers behind "version" or the
// name of a program are a version; addresses that are nobody's (loopback,
// 0.0.0.0/8) stay.
func ipv4(s string, i, floor int) (from, to int) {
	first, e := 0, i
	for part := range 4 {
		v, start := 0, e
		for e < len(s) && e-start < 4 && is(s[e], digit) {
			v = v*10 + int(s[e]-'0')
			e++
		}
		if e == start || v > 255 || e-start > 1 && s[start] == '0' {
			return 0, 0
		}
		if part == 0 {
			first = v
		}
		if part < 3 {
			if e == len(s) || s[e] != '.' {
				return 0, 0
			}
			e++
		}
	}
	if first == 0 || first == 127 || at(s, e, letter|dash) || e+1 < len(s) && s[e] == '.' && is(s[e+1], digit|letter) ||
		i > floor && s[i-1] == '.' || isVersion(s, i, e, floor) {
		return 0, 0
	}
	return i, e
}

// isVersion reports whether the numbers at s[i:e] are a version by what stands
// before them.
func isVersion(s string, i, e, floor int) bool {
	if i-2 >= floor && s[i-1] == '/' && is(s[i-2], letter) {
		// Chrome/120.0.0.0, but not localhost/10.0.0.1:8080
		return !(e+1 < len(s) && s[e] == ':' && is(s[e+1], digit))
	}
	j := i
	for j > floor && i-j < 3 && (s[j-1] == ' ' || s[j-1] == '=' || s[j-1] == ':' || is(s[j-1], quote)) {
		j--
	}
	for _, word := range [...]string{"version", "release", "ver", "build"} {
		if k := j - len(word); k >= floor && hasFold(s, k, word) {
			return true
		}
	}
	return false
}

// ipv6 finds an address (RFC 4291 section 2.2) whose first colon is at i. One
// without any decimal digit is more likely a::name in a program.
func ipv6(s string, i, floor int) (from, to int) {
	const longest = 45 // with an IPv4 address at its end
	for from = i; from > floor && i-from < 5 && is(s[from-1], hexDigit); from-- {
	}
	if i-from > 4 || from > floor && (is(s[from-1], token) || s[from-1] == ':' || s[from-1] == '.') {
		return 0, 0
	}
	groups, gaps := 0, 0
	to = from
	for to < len(s) && to-from <= longest {
		e := run(s[:min(len(s), to+5)], to, hexDigit)
		if e-to > 4 {
			return 0, 0
		}
		if e > to {
			groups++
		}
		if e == len(s) || s[e] != ':' {
			if e < len(s) && s[e] == '.' && e > to && groups <= 7 {
				if _, end := ipv4(s, to, to); end > 0 {
					groups, e = groups+1, end
				}
			}
			to = e
			break
		}
		if e+1 < len(s) && s[e+1] == ':' {
			gaps++
			e++
		} else if !at(s, e+1, hexDigit) {
			to = e
			break // a colon behind it
		}
		to = e + 1
	}
	whole := gaps == 1 && groups < 8 || gaps == 0 && groups == 8
	if !whole || groups < 2 || kindsIn(s[from:to])&digit == 0 || at(s, to, letter|dash) || at(s, to, digit) || strings.HasSuffix(s[from:to], ":::") {
		return 0, 0
	}
	return from, to
}
