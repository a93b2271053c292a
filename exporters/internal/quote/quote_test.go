package quote_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed2f724858/sluice/exporters/internal/quote"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"  plain\n":              "plain",
		"two\r\nlines\tof":       "two  lines of",
		"\x1b[31mred\x00":        `\u001b[31mred\u0000`,
		"\u202egnp\u2028exe":     `\u202egnp\u2028exe`,
		"broken \xff\xfe":        `broken \xff\xfe`,
		"replaced \ufffd":        "replaced \ufffd",
		"Zürich 東京 😀":            "Zürich 東京 😀",
		strings.Repeat("a", 512): strings.Repeat("a", 512),
		strings.Repeat("a", 513): strings.Repeat("a", 512) + "…",
	} {
		if got := quote.Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestError(t *testing.T) {
	if err := quote.Error(nil); err != nil {
		t.Error(err)
	}
	cause := x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"evil\n\x1b[31mforged"}}, Host: "h"}
	err := quote.Error(cause)
	if want := `x509: certificate is valid for evil \u001b[31mforged, not h`; err.Error() != want {
		t.Errorf("%q", err)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); !ok {
		t.Error("the cause is gone")
	}
}

func FuzzLine(f *testing.F) {
	f.Add("plain \x1b[0m\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := quote.Line(s)
		if len(got) > 530 {
			t.Errorf("%d bytes", len(got))
		}
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != utf8.RuneError }) {
			t.Errorf("%q", got)
		}
	})
}
