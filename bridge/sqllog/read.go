package sqllog

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxText = 4096     // bytes of a text in a record
	maxRead = 64 << 10 // bytes of a statement that are read at all
)

// quotes says what a database makes of the marks on which SQL dialects differ.
type quotes int

const (
	unknown     quotes = iota // "…" may be a literal, # may begin a comment
	identifiers               // "…" is an identifier, # and [ are operators
	literals                  // "…" is a literal, # begins a comment: MySQL
)

// quotesOf returns the quotes of a db.system.name. SQL Server and SQLite take
// "…" for a literal in some settings or places.
func quotesOf(system string) quotes {
	switch system {
	case "postgresql", "cockroachdb", "aws.redshift", "trino", "clickhouse":
		return identifiers
	case "mysql", "mariadb":
		return literals
	}
	return unknown
}

// reading is what a statement holds.
type reading struct {
	masked string
	// literals are the values that stand as ? in masked.
	literals []string
	// words are its keywords and names.
	words []string
	// cut says that the statement was not read to its end.
	cut bool
}

// read takes a statement apart in linear time. It does not parse: it finds
// literals and comments wherever any database would see one, and where two
// readings are possible it takes all that follows for a literal.
func read(query string, q quotes) *reading {
	l := lexer{in: query, quotes: q}
	if len(query) > maxRead {
		l.in, l.out.cut = cut(query, maxRead), true
	}
	l.text.Grow(min(len(l.in), maxText))
	for l.at < len(l.in) {
		l.step()
	}
	l.out.masked = l.text.String()
	return &l.out
}

type lexer struct {
	in     string
	at     int
	quotes quotes
	text   strings.Builder
	out    reading
}

// step reads one token.
func (l *lexer) step() {
	rest := l.in[l.at:]
	switch c := rest[0]; {
	case c == '\'', c == '"' && l.quotes != identifiers:
		l.quoted(c)
	case c == '"', c == '`':
		l.identifier(c)
	case c == '[' && l.quotes != identifiers:
		l.bracket()
	case strings.HasPrefix(rest, "--"):
		l.dashes()
	case strings.HasPrefix(rest, "/*"):
		l.block()
	case c == '#' && l.quotes != identifiers:
		l.hash()
	case c == '$':
		l.dollar()
	case digit(c):
		l.literal(run(rest, inNumber))
	case inWord(c) || c == '@':
		l.word()
	case c == '?', c == ':' && (l.at == 0 || !inWord(l.in[l.at-1])):
		l.placeholder()
	default:
		l.keep(1)
	}
}

func (l *lexer) keep(n int) {
	l.text.WriteString(l.in[l.at : l.at+n])
	l.at += n
}

// literal masks the next n bytes.
func (l *lexer) literal(n int) {
	l.out.literals = append(l.out.literals, l.in[l.at:l.at+n])
	l.text.WriteByte('?')
	l.at += n
}

// all masks everything that is left.
func (l *lexer) all() { l.literal(len(l.in) - l.at) }

// closing returns the length of what begins at l.at with the mark q, up to and
// with the q that ends it; a doubled one does not. It is 0 where there is none
// or where it depends on whether a backslash escapes.
func (l *lexer) closing(q byte) int {
	rest := l.in[l.at:]
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\':
			n := run(rest[i:], func(c byte) bool { return c == '\\' })
			i += n - 1
			if n%2 == 1 && i+1 < len(rest) && rest[i+1] == q {
				return 0
			}
		case rest[i] == q && i+1 < len(rest) && rest[i+1] == q:
			i++
		case rest[i] == q:
			return i + 1
		}
	}
	return 0
}

func (l *lexer) quoted(q byte) {
	n := l.closing(q)
	// Three marks open a longer kind of literal in some databases.
	if n == 0 || n > 2 && l.in[l.at+1] == q && l.in[l.at+2] == q {
		l.all()
		return
	}
	l.literal(n)
}

func (l *lexer) identifier(q byte) {
	n := l.closing(q)
	if n == 0 {
		l.all()
		return
	}
	l.out.words = append(l.out.words, l.in[l.at+1:l.at+n-1])
	l.keep(n)
}

// placeholder keeps ?, ?1, :1 and $1; none has more than five digits.
func (l *lexer) placeholder() {
	n := run(l.in[l.at+1:], digit)
	l.keep(1)
	if n <= 5 {
		l.keep(n)
	}
}

func (l *lexer) word() {
	n := 1 + run(l.in[l.at+1:], inWord)
	w := l.in[l.at : l.at+n]
	after := l.in[l.at+n:]
	if strings.EqualFold(w, "IDENTIFIED") { // BY a password that needs no quotes
		l.keep(n)
		l.all()
		return
	}
	l.out.words = append(l.out.words, strings.TrimPrefix(w, "@"))
	l.keep(n)
	if strings.EqualFold(w, "PASSWORD") && l.ofUser() {
		if blanks := len(after) - len(strings.TrimLeft(after, " \t\r\n")); blanks < len(after) && inWord(after[blanks]) {
			l.keep(blanks)
			l.literal(run(l.in[l.at:], inWord))
			return
		}
	}
	// Oracle's q'[it's]' ends at the bracket and the apostrophe.
	if (strings.EqualFold(w, "q") || strings.EqualFold(w, "nq")) && len(after) > 1 && after[0] == '\'' {
		mark := after[1]
		if i := strings.IndexByte("([{<", mark); i >= 0 {
			mark = ")]}>"[i]
		}
		if end := strings.Index(after[2:], string([]byte{mark, '\''})); end >= 0 {
			l.literal(end + 4)
		} else {
			l.all()
		}
	}
}

// ofUser reports whether the statement makes or changes a user, whose password
// may stand there without quotes.
func (l *lexer) ofUser() bool {
	if len(l.out.words) < 2 {
		return false
	}
	is := func(w string, any ...string) bool {
		return slices.ContainsFunc(any, func(a string) bool { return strings.EqualFold(a, w) })
	}
	return is(l.out.words[0], "ALTER", "CREATE") && is(l.out.words[1], "USER", "ROLE", "LOGIN")
}

// run returns how many bytes at the beginning of s are in a class.
func run(s string, class func(byte) bool) int {
	n := 0
	for n < len(s) && class(s[n]) {
		n++
	}
	return n
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func inWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || digit(c) || c == '_' || c == '$' || c >= utf8.RuneSelf
}

func inNumber(c byte) bool { return inWord(c) || c == '.' }

// cut returns at most n bytes of s, whole characters, with an ellipsis where
// something is missing.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
