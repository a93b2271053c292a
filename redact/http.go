package redact

import "strings"

// scheme finds what follows "Bearer" or "Basic" at i, in any case (RFC 9110
// section 11.1).
func (d *Redactor) scheme(s string, i, floor int) (from, to int) {
	if i > floor && is(s[i-1], token) {
		return 0, 0
	}
	switch {
	case d.on&bearer != 0 && hasFold(s, i, "bearer"):
		if from = gap(s, i+len("bearer")); from == 0 || !opaque(head(s, from)) {
			return 0, 0
		}
	case d.on&basicAuth != 0 && hasFold(s, i, "basic"):
		if from = gap(s, i+len("basic")); from == 0 || !userAndPassword(head(s, from)) {
			return 0, 0
		}
	default:
		return 0, 0
	}
	for to = run(s, from, token68); s[to-1] == '.'; to-- { // a sentence ends here
	}
	return from, to
}

// head returns the first bytes of the credentials at i: enough to tell what
// they are.
func head(s string, i int) string {
	const enough = 340 // base64 of a user's name of 255 bytes
	s = s[i:min(len(s), i+enough)]
	return strings.TrimRight(s[:run(s, 0, token68)], ".")
}

// gap returns where the blanks end, escaped ones too, that start at i; 0 if
// there are none.
func gap(s string, i int) int {
	if hasFold(s, i, "%20") {
		return i + len("%20")
	}
	e := i
	for e < len(s) && e-i < 8 && (s[e] == ' ' || s[e] == '\t' || s[e] == '+') {
		e++
	}
	if e == i {
		return 0
	}
	return e
}

// opaque tells a token from the word that may follow "bearer" in a sentence.
func opaque(s string) bool {
	k := kindsIn(s)
	return len(s) >= 8 && k&digit != 0 && k&letter != 0 || len(s) >= 20 && k&lower != 0 && k&upper != 0
}

// userAndPassword reports whether s is base64 of text that holds a colon
// (RFC 7617 section 2). Words in front of which "basic" happens to stand are
// base64 as well, but of no text.
func userAndPassword(s string) bool {
	var bits, n uint
	for i := range len(s) {
		var v byte
		switch c := s[i]; {
		case is(c, upper):
			v = c - 'A'
		case is(c, lower):
			v = c - 'a' + 26
		case is(c, digit):
			v = c - '0' + 52
		case c == '+' || c == '-':
			v = 62
		case c == '/' || c == '_':
			v = 63
		default:
			return false
		}
		bits = bits<<6 | uint(v)
		if n += 6; n < 8 {
			continue
		}
		n -= 8
		switch b := byte(bits >> n); {
		case b == ':':
			return true
		case is(b, space) && b != ' ':
			return false
		}
	}
	return false
}

// urlPassword finds the password of a URL whose authority starts at i (RFC
// 3986 section 3.2.1). People forget to escape passwords, so one may hold what
// would end the authority.
func (d *Redactor) urlPassword(s string, i int) (from, to int) {
	const farthest = 256 // behind what looks like the authority's end
	end := i
	for end < len(s) && !endsURL(s, end) && s[end] != '/' && s[end] != '?' && s[end] != '#' {
		if s[end] == ':' && from == 0 {
			from = end + 1
		}
		if s[end] == '[' {
			end += max(1, d.markLen(s[end:])) // which may hold a colon
		} else {
			end++
		}
	}
	if from == 0 {
		return 0, 0
	}
	if host := strings.LastIndexByte(s[from:end], '@'); host >= 0 {
		return from, from + host
	}
	// What is all digits is a port, what starts with a bracket an address.
	if s[i] == '[' || run(s, from, digit) == end {
		return 0, 0
	}
	for ; end < min(len(s), from+farthest) && !endsURL(s, end); end++ {
		if s[end] == '@' {
			to = end
		} else if to > 0 && s[end] == '/' {
			break
		}
	}
	if to == 0 {
		return 0, 0
	}
	return from, to
}

// endsURL reports whether what stands at i ends a URL. A quote within a word
// may be part of a password, if the @ is near.
func endsURL(s string, i int) bool {
	const near = 64
	c := s[i]
	switch {
	case is(c, space), c == '>', c == '\\' && at(s, i+1, quote):
		return true
	case is(c, quote), c == '<':
		e := i + 1
		for e < len(s) && e-i < near && is(s[e], token|local) {
			e++
		}
		return e == i+1 || e == len(s) || s[e] != '@'
	}
	return false
}

// userinfo finds the password of a URL whose fields %+v prints: User:name:x Host:y.
func userinfo(s string, i int) (from, to int) {
	const longest = 512
	for to = i; to < len(s) && to-i < longest && !is(s[to], space|quote); to++ {
		if s[to] == ':' && from == 0 {
			from = to + 1
		}
	}
	if from == 0 || !strings.HasPrefix(s[to:], " Host:") {
		return 0, 0
	}
	return from, to
}

// networks are what follows the @ in a data source's name as Go's MySQL driver
// has it: user:password@tcp(host:3306)/name, user:password@/name.
var networks = [...]string{"tcp(", "unix(", "/", "tcp4(", "tcp6(", "cloudsql("}

// dsnPassword finds the password before the @ at i in such a name.
func dsnPassword(s string, i, floor int) (from, to int) {
	const longest = 128
	network := ""
	for _, n := range networks {
		if strings.HasPrefix(s[i+1:], n) {
			network = n
			break
		}
	}
	if network == "" {
		return 0, 0
	}
	j := i - 1
	for ; j >= max(floor, i-longest) && !is(s[j], space); j-- {
		if is(s[j], quote) && !(at(s, j-1, letter|digit) && j > floor && at(s, j+1, letter|digit)) {
			break
		}
		if s[j] == ':' {
			from = j + 1
		}
	}
	switch {
	case from == 0, from == i, s[from] == '/': // that of a URL is another finder's
		return 0, 0
	case network == "/" && (from-1 <= j+1 || run(s, j+1, token) != from-1 || !at(s, i+2, letter)):
		return 0, 0 // file:12@/path
	}
	return from, i
}

// webhook finds the secret path of a chat's webhook, whose URL's host starts
// at i.
func webhook(s string, i int) (from, to int) {
	for _, prefix := range [...]string{"hooks.slack.com/services/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"} {
		if hasFold(s, i, prefix) {
			from = i + len(prefix)
			for to = from; to < len(s) && (is(s[to], token) || s[to] == '/'); to++ {
			}
			return from, to
		}
	}
	return 0, 0
}
