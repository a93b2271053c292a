package sqllog

import "strings"

// bracket: an identifier in SQL Server and SQLite, a subscript elsewhere. The
// next bracket is looked at in its turn, so that no byte is twice; ]] is an
// escape in SQL Server.
func (l *lexer) bracket() {
	inner := l.in[l.at+1:]
	if i := strings.IndexAny(inner, "[]"); i >= 0 {
		if strings.HasPrefix(inner[i:], "]]") {
			l.all()
			return
		}
		inner = inner[:i]
	}
	if ambiguous(inner) {
		l.all()
		return
	}
	l.keep(1)
}

// dashes: a comment, in MySQL only when a space follows.
func (l *lexer) dashes() {
	line := l.line()
	sure := l.quotes == identifiers || len(line) == 2 || line[2] <= ' '
	// Some databases end the comment at a carriage return, others do not.
	if strings.IndexByte(line, '\r') >= 0 {
		sure = false
	}
	l.comment(line, sure)
}

// hash: a comment in MySQL, part of a name in SQL Server, an operator elsewhere.
func (l *lexer) hash() {
	line := l.line()
	if l.quotes == unknown && len(line) > 1 && strings.IndexByte(" \t", line[1]) >= 0 {
		l.all() // no name: a comment, which may say anything, or an operator
		return
	}
	if l.quotes != literals && !ambiguous(line[1:]) {
		l.keep(1)
		return
	}
	l.comment(line, l.quotes == literals)
}

func (l *lexer) comment(line string, sure bool) {
	if !sure && ambiguous(line[1:]) {
		l.all()
		return
	}
	l.at += len(line)
}

func (l *lexer) line() string {
	line, _, _ := strings.Cut(l.in[l.at:], "\n")
	return strings.TrimSuffix(line, "\r")
}

// block: a comment, which nests in some databases, and which MySQL executes
// when it begins with an exclamation mark.
func (l *lexer) block() {
	body, _, closed := strings.Cut(l.in[l.at+2:], "*/")
	if !closed || strings.Contains(body, "/*") || strings.HasPrefix(body, "!") || strings.HasPrefix(body, "M!") {
		l.all()
		return
	}
	l.text.WriteByte(' ')
	l.at += len(body) + 4
}

// dollar: a placeholder $1, or PostgreSQL's $tag$…$tag$.
func (l *lexer) dollar() {
	rest := l.in[l.at:]
	if len(rest) > 1 && digit(rest[1]) {
		l.placeholder()
		return
	}
	n := 1 + run(rest[1:], func(c byte) bool { return inWord(c) && c != '$' })
	if n == len(rest) || rest[n] != '$' {
		l.keep(n)
		return
	}
	tag := rest[:n+1]
	end := strings.Index(rest[n+1:], tag)
	if end < 0 {
		l.all()
		return
	}
	l.literal(end + 2*len(tag))
}

// ambiguous reports whether it matters that a text may or may not be code.
func ambiguous(s string) bool {
	return strings.ContainsAny(s, "'\"`$#") || strings.Contains(s, "--") || strings.Contains(s, "/*")
}
