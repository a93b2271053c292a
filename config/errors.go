package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one problem of a configuration file.
type Error struct {
	// File is the file's name as it was given.
	File string
	// Line and Column count from 1; 0 where the place is not known.
	Line, Column int
	// Path is the way through the document
	// ("logger_provider.processors[0].async.exporter"); "" is the whole of it.
	Path string
	// Msg says what is wrong, and what was expected.
	Msg string
	// Hint says what to do about it; it may be empty.
	Hint string

	cause error
}

// Error returns "file:line:column: path: message; hint: what to do".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Place())
	if e.Path != "" {
		b.WriteString(": ")
		b.WriteString(e.Path)
	}
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; hint: ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Place returns "file:line:column".
func (e *Error) Place() string {
	if e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// Unwrap returns the error behind the problem, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Errors are all the problems of one configuration file, in the order in
// which they stand there.
type Errors []*Error

// Error returns one problem a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, problem := range e {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, problem := range e {
		errs[i] = problem
	}
	return errs
}

// maxErrors bounds what is told of one file.
const maxErrors = 100

func (e *Errors) add(problem *Error) {
	if len(*e) < maxErrors {
		problem.Path, problem.Msg, problem.Hint = printable(problem.Path), printable(problem.Msg), printable(problem.Hint)
		*e = append(*e, problem)
	}
}

// printable shows what no terminal should interpret in escaped form.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// suggest returns a hint that names the valid word nearest to a wrong one, or
// all of them when none is near.
func suggest(wrong string, valid []string, noun string) string {
	best := nearest(wrong, valid)
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(valid) == 0:
		return "there are no " + noun + " here"
	default:
		return noun + " here: " + strings.Join(slices.Sorted(slices.Values(valid)), ", ")
	}
}

const lowerCase = "abcdefghijklmnopqrstuvwxyz"

// nearest returns the valid word that may have been meant; "" if none is near.
func nearest(wrong string, valid []string) string {
	best, distance := "", len(wrong)/3+2
	for _, v := range valid {
		if strings.HasPrefix(v, strings.ToLower(wrong)+"/") { // but for its maturity
			return v
		}
		if d := editDistance(strings.ToLower(wrong), v); d < distance {
			best, distance = v, d
		}
	}
	if best == "" && len(wrong) >= 3 { // or a word cut short
		for _, v := range valid {
			if rest, ok := strings.CutPrefix(v, strings.ToLower(wrong)); ok && strings.Trim(rest, lowerCase) == "" {
				return v
			}
		}
	}
	return best
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment). Words too long to
// be a slip of the pen are not compared.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	var before, above, row [65]int
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
