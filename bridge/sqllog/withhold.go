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
	noChance  = 8  // bytes that no text shares with the beginning of a value by chance
)

// withhold masks in an error's text what the statement's literals and
// parameters hold, as databases quote them: 'near "hunter2"'. Values are
// looked for as a whole, and word by word, because often a part is quoted, and
// both may be cut: SQL Server quotes what fits the column (error 2628), MySQL
// 80 characters of a statement (1064) and 64 of a key (1062).
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
		text = mask(text, v)
	}
	var words []string
	for _, v := range values {
		for word := range strings.FieldsFuncSeq(v[:min(len(v), maxRead)], outsideValue) {
			if len(word) >= minSecret {
				words = append(words, word)
			}
		}
	}
	slices.Sort(words)
	var b strings.Builder
	for text != "" {
		n := run(text, inValue)
		if word := text[:n]; n >= minSecret && beginsOne(words, word) {
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

// mask masks v in text, and its beginning where that ends with a word's end.
func mask(text, v string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, v[:minSecret])
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		n := minSecret
		for n < min(len(v), len(text)) && text[n] == v[n] {
			n++
		}
		if n < min(len(v), noChance) {
			for n >= minSecret && n < len(text) && inValue(text[n-1]) && inValue(text[n]) {
				n--
			}
		}
		if n >= minSecret {
			b.WriteByte('?')
		} else {
			n = 1
			b.WriteByte(text[0])
		}
		text = text[n:]
	}
}

// beginsOne reports whether one of the sorted words is, or begins with, word.
func beginsOne(words []string, word string) bool {
	i, _ := slices.BinarySearch(words, word)
	return i < len(words) && strings.HasPrefix(words[i], word)
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
