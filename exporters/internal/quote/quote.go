// Package quote makes texts of others, of servers, proxies and certificates,
// fit to be quoted in an error.
package quote

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds what is shown of a text, in bytes.
const maxLine = 512

// Line returns s in one line of printable characters, and not long. Line breaks
// and tabs become spaces; others that are not printable are escaped.
func Line(s string) string {
	s = strings.TrimSpace(s)
	var b strings.Builder
	for i, r := range s {
		if b.Len() >= maxLine {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Error returns err with its text as Line has it: somebody else, a certificate
// for one, may have put words into it.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return &quoted{Line(err.Error()), err}
}

type quoted struct {
	text string
	err  error
}

func (e *quoted) Error() string { return e.text }
func (e *quoted) Unwrap() error { return e.err }
