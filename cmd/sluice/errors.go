package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/seed2f724858/sluice/config"
)

// commandError is an error with the exit code it asks for and what to do
// about it.
type commandError struct {
	code int
	err  error
	hint string
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

func withHint(code int, err error, hint string) error {
	return &commandError{code: code, err: err, hint: hint}
}

// configError makes err, of a configuration, an error of usage. hint is for
// problems that have none of their own.
func configError(err error, hint string) error { return withHint(2, err, hint) }

// exitCode is 1 for an error that does not say otherwise.
func exitCode(err error) int {
	if e, ok := errors.AsType[*commandError](err); ok {
		return e.code
	}
	return 1
}

// report prints an error for people: "error: …", then "hint: …", for each
// problem that it holds.
func report(w io.Writer, err error) { reportWithHint(w, err, "") }

func reportWithHint(w io.Writer, err error, hint string) {
	switch e := err.(type) {
	case *commandError:
		reportWithHint(w, e.err, cmp.Or(e.hint, hint))
	case *config.Error:
		text := e.Place()
		if e.Path != "" {
			text += ": " + e.Path
		}
		if e.Line > 0 {
			hint = fmt.Sprintf("correct line %d of the file", e.Line)
		}
		printProblem(w, text+": "+e.Msg, cmp.Or(e.Hint, hint))
	case interface{ Unwrap() []error }:
		for _, each := range e.Unwrap() {
			reportWithHint(w, each, hint)
		}
	default:
		printProblem(w, err.Error(), hint)
	}
}

func printProblem(w io.Writer, problem, hint string) {
	fmt.Fprintf(w, "error: %s\n", printable(problem))
	if hint != "" {
		fmt.Fprintf(w, "hint: %s\n", printable(hint))
	}
}

// printable shows what a terminal would act upon in escaped form; file names
// and error texts may come from anywhere. Lines below the first are indented.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("\n  ")
		case r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
