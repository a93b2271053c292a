package main

import (
	"bytes"
	"strings"
	"testing"
)

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("a defect") }

func TestDefectShowsNoStack(t *testing.T) {
	t.Setenv("GOTRACEBACK", "")
	var stderr bytes.Buffer
	code := run([]string{"version"}, stdio{in: strings.NewReader(""), out: panicking{}, err: &stderr})
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "error: internal error: a defect\nhint: ") || strings.Contains(got, "goroutine") {
		t.Errorf("stderr:\n%s", got)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain größe\t1": "plain größe\t1",
		"a\nb":           "a\n  b",
		"\x1b[31m\x00":   `\x1b[31m\x00`,
		"\u202egnp":      `\u202egnp`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
