package redact

// A byteKind is a set of kinds of bytes.
type byteKind uint16

const (
	digit byteKind = 1 << iota
	lower
	upper
	hexDigit
	dash  // - and _
	space // and every other control character of ASCII
	quote
	closer  // what may end an unquoted value
	token68 // RFC 9110 section 11.2
	index   // what may follow a name's last letter: tokens[0], token_1
	local   // the part of an address before the @, of RFC 5322 what is in use

	letter = lower | upper
	token  = letter | digit | dash // the alphabet of base64url, RFC 4648 section 5
)

// kinds is what makes looking at bytes cheap.
var kinds = func() (t [256]byteKind) {
	for c := range t {
		switch c := byte(c); {
		case '0' <= c && c <= '9':
			t[c] = digit | hexDigit
		case 'a' <= c && c <= 'z':
			t[c] = lower
		case 'A' <= c && c <= 'Z':
			t[c] = upper
		case c <= ' ' || c == 0x7f:
			t[c] = space
		}
	}
	for _, c := range []byte("abcdefABCDEF") {
		t[c] |= hexDigit
	}
	for _, c := range []byte("-_") {
		t[c] |= dash
	}
	for _, c := range []byte("\"'`") {
		t[c] |= quote | closer
	}
	for _, c := range []byte(",;&)]}>|<\\") {
		t[c] |= closer
	}
	for c, k := range t {
		if k&(letter|digit|dash) != 0 {
			t[c] |= token68 | local
		}
	}
	for _, c := range []byte("0123456789-_.[]") {
		t[c] |= index
	}
	for _, c := range []byte(".~+/=") {
		t[c] |= token68
	}
	for _, c := range []byte(".+%") {
		t[c] |= local
	}
	return t
}()

func is(c byte, k byteKind) bool { return kinds[c]&k != 0 }

// at reports whether s has a byte of kind k at i.
func at(s string, i int, k byteKind) bool { return i >= 0 && i < len(s) && kinds[s[i]]&k != 0 }

// run returns where the run of bytes of kind k that starts at i ends.
func run(s string, i int, k byteKind) int {
	for i < len(s) && kinds[s[i]]&k != 0 {
		i++
	}
	return i
}

func toLower(c byte) byte {
	if is(c, upper) {
		c += 'a' - 'A'
	}
	return c
}

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, toLower(s[i]))
	}
	return dst
}

// hasFold reports whether s[i:] begins with the lower-case text low in any
// case.
func hasFold(s string, i int, low string) bool {
	if len(s)-i < len(low) {
		return false
	}
	for j := range len(low) {
		if toLower(s[i+j]) != low[j] {
			return false
		}
	}
	return true
}

// glob reports whether a pattern in lower case matches the whole of s in any
// case; "*" stands for any run of bytes, "?" for any one. Its time is within
// len(pattern)·len(s).
func glob[S ~string | ~[]byte](pattern string, s S) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == toLower(s[i])):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
