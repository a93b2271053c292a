package config

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what was found into testdata")

// TestBroken reads every document of testdata/broken.txt, which are followed by
// the errors that they give. Each problem must have a place.
func TestBroken(t *testing.T) {
	t.Setenv("SECRET", "hunter2-S3cr3t")
	t.Setenv("SECRET_NUMBER", "60606")
	t.Setenv("SECRET_WORD", "xyz")
	t.Setenv("SECRET_LIST", "token-K")
	t.Setenv("EMPTY", "")
	const name = "testdata/broken.txt"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	intro, rest, _ := strings.Cut(string(data), "=== ")
	var updated strings.Builder
	updated.WriteString(intro)
	cases := strings.Split(rest, "\n=== ")
	for _, c := range cases {
		title, body, _ := strings.Cut(c, "\n")
		doc, want, _ := strings.Cut(body, "\n--- errors\n")
		want = strings.TrimSpace(want)
		got := "none"
		if _, err := Parse("F", []byte(doc), OnFullBlock()); err != nil {
			got = err.Error()
			var problems Errors
			if !errors.As(err, &problems) {
				t.Errorf("%s: a %T", title, err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Msg == "" {
					t.Errorf("%s: no place: %+v", title, p)
				}
			}
		}
		for _, secret := range []string{"hunter2", "60606", "xyz", "token-K"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: the environment shows in %s", title, got)
			}
		}
		if !*update && got != want {
			t.Errorf("%s: %s", title, cmp.Diff(want, got))
		}
		updated.WriteString("=== " + title + "\n" + doc + "\n--- errors\n" + got + "\n\n")
	}
	if len(cases) < 60 {
		t.Errorf("only %d cases", len(cases))
	}
	if *update {
		if err := os.WriteFile(name, []byte(strings.TrimSpace(updated.String())+"\n"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}
