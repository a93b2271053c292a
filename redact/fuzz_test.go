package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/redact"
)

func hashing(t testing.TB) *redact.Redactor {
	t.Helper()
	cfg := redact.DefaultConfig()
	cfg.Presets, cfg.Mode, cfg.HashKey = []string{"all"}, redact.Hash, "0123456789abcdef"
	d, err := redact.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzString holds, for any text: no panic, what is redacted stays as it is,
// valid text stays valid, and what stands around secrets is not touched.
func FuzzString(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.in) < 100 {
			f.Add(c.in)
		}
	}
	for _, s := range []string{ // which once went wrong
		"://!0@0.AA://:0@0000", "Api.key: Api.key0::", ":0@u.AAA!0@unix(", "://:A#@@",
		"00000000000000000000000 371620564552715 3530111333300000", "token:0\"eyJ0000000.0000000000:", "token: token:\" ", "token:&0::0!", "1.0.0.0::0:0", "-token :0",
		`{"token":"abc","value":"x"}`, "ss\":0@unix(", "ssn:0@unix(", " token\": token :0", "User:Passw\":0 Host:",
		"password=xunexpected token: abc1", "&token://x@tcp(a1)", "token==unexpected token: \"a\"",
	} {
		f.Add(s)
	}
	kinds := map[string]*redact.Redactor{"default": redact.Default(), "all": newRedactor(f, "all"), "hash": hashing(f)}
	for _, name := range []string{"bearer", "url_passwords", "assignments", "emails", "ip_addresses"} {
		kinds[name] = newRedactor(f, name)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, d := range kinds {
			got, changed := d.String(s)
			if changed != (got != s) {
				t.Errorf("%s: changed is %t: %q becomes %q", name, changed, s, got)
			}
			if utf8.ValidString(s) && !utf8.ValidString(got) {
				t.Errorf("%s: %q becomes %q, which is not valid UTF-8", name, s, got)
			}
			if again, _ := d.String(got); again != got {
				t.Errorf("%s: %q becomes %q, and the second time %q", name, s, got, again)
			}
			if name == "hash" {
				continue
			}
			rest := s
			pieces := strings.Split(got, redact.DefaultReplacement)
			for i, piece := range pieces {
				at := strings.Index(rest, piece)
				if at < 0 { // a number in JSON, whose replacement is quoted
					piece = strings.TrimRight(strings.TrimPrefix(strings.TrimLeft(piece, `\`), `"`), `"\`)
					at = strings.Index(rest, piece)
				}
				if at < 0 || i == 0 && at > 0 {
					t.Fatalf("%s: %q becomes %q: %q was not there", name, s, got, piece)
				}
				rest = rest[at+len(piece):]
			}
			if last := pieces[len(pieces)-1]; !strings.HasSuffix(s, last) && !strings.HasSuffix(s, strings.TrimPrefix(strings.TrimLeft(last, `\`), `"`)) {
				t.Errorf("%s: %q becomes %q: the end is another", name, s, got)
			}
		}
	})
}

// FuzzKeys holds the globs on keys to those that the rest of sluice has, which
// tell cases apart.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{"http.request.header.x-tenant", "IBAN", "É", "", "\xff"} {
		for _, pattern := range []string{"*", "http.*", "*.x-?enant", "iban", "É*", "**a*b"} {
			f.Add(pattern, key)
		}
	}
	lower := func(s string) string {
		b := []byte(s)
		for i, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[i] += 'a' - 'A'
			}
		}
		return string(b)
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		cfg := redact.DefaultConfig()
		cfg.Presets, cfg.Keys = nil, []string{pattern}
		d, err := redact.New(cfg)
		if err != nil {
			return
		}
		if got, want := d.Key(key), processors.Glob(lower(pattern), lower(key)); got != want {
			t.Errorf("pattern %q, key %q: %t, want %t", pattern, key, got, want)
		}
		redact.Default().Key(key)
	})
}
