package sqllog

import (
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	minSecret = 4  // bytes; what is shorter stands in every other text by chance
	maxWhole  = 64 // values looked for as a whole
)

// withhold masks in an error's text what the statement's literals and
// parameters hold, as databases quote them: 'near "hunter2"'. Values are
// looked for as a whole, and word by word, because often a part is quoted.
func (r *reading) withhold(text string, args []driver.NamedValue) string {
	if r.cut {
		return "withheld, for the statement is too long to look for its values"
	}
	values := make([]string, 0, len(r.literals)+len(args))
	for _, s := range r.literals {
		values = append(values, content(s))
	}
	for _, a := range args {
		switch v := a.Value.(type) {
		case string:
			values = append(values, v)
		case []byte:
			values = append(values, string(v))
		case int64:
			values = append(values, strconv.FormatInt(v, 10))
		}
	}
	values = slices.DeleteFunc(values, func(v string) bool { return len(v) < minSecret })
	if len(values) == 0 {
		return cut(text, maxText)
	}
	// The longest first: one may be part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	text = cut(text, maxRead)
	for _, v := range values[:min(len(values), maxWhole)] {
		text = strings.ReplaceAll(text, v, "?")
	}
	known := map[string]bool{}
	for _, v := range values {
		for word := range strings.FieldsFuncSeq(v, outsideValue) {
			known[word] = len(word) >= minSecret
		}
	}
	var b strings.Builder
	for text != "" {
		n := run(text, inValue)
		if word := text[:n]; known[word] {
			b.WriteByte('?')
		} else {
			b.WriteString(word)
		}
		text = text[n:]
		n = run(text, func(c byte) bool { return !inValue(c) })
		b.WriteString(text[:n])
		text = text[n:]
	}
	return cut(b.String(), maxText)
}

// content returns what a literal stands for.
func content(literal string) string {
	q := literal[:1]
	if n := len(literal); n > 1 && (q == "'" || q == `"`) && literal[n-1] == q[0] {
		return strings.ReplaceAll(literal[1:n-1], q+q, q)
	}
	return literal
}

func inValue(c byte) bool { return inWord(c) && c != '$' }

func outsideValue(r rune) bool { return r < utf8.RuneSelf && !inValue(byte(r)) }
