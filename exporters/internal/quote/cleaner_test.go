package quote_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
)

func TestCleaner(t *testing.T) {
	c := quote.NewCleaner("hunter2hunter2", "Bearer hunter2hunter2", "hunter2", "tenant", "a", "")
	got := c.Line("bad token hunter2hunter2 (Bearer hunter2hunter2)\nfor a of tenant\x1b")
	if want := `bad token [REDACTED] ([REDACTED]) for a of [REDACTED]\u001b`; got != want {
		t.Errorf("%s", got)
	}
	// What is cut off at the bound shows no half of a secret.
	if got := c.Line(strings.Repeat("x", 505) + "hunter2hunter2"); strings.Contains(got, "hunter") {
		t.Errorf("%s", got)
	}
	var none quote.Cleaner
	if got := none.Line("nothing\nto hide"); got != "nothing to hide" {
		t.Errorf("%s", got)
	}
}

// encodings are the forms in which servers repeat what they were sent.
var encodings = map[string]func(string) string{
	"as it stands":  func(s string) string { return s },
	"upper case":    strings.ToUpper,
	"query":         url.QueryEscape,
	"path":          url.PathEscape,
	"all percent":   func(s string) string { return each([]byte(s), "%%%02X") },
	"JSON":          func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"PHP's JSON":    func(s string) string { b, _ := json.Marshal(s); return strings.ReplaceAll(string(b), "/", `\/`) },
	"all \\u":       func(s string) string { return each(utf16.Encode([]rune(s)), `\u%04x`) },
	"Go":            strconv.Quote,
	"all \\x":       func(s string) string { return each([]byte(s), `\x%02x`) },
	"HTML":          html.EscapeString,
	"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, 1":     func(s string) string { return base64.URLEncoding.EncodeToString([]byte("x" + s + "yz")) },
	"base64, 2":     func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte("xy" + s + "z")) },
	"base64, 3":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user" + s)) },
	"JSON in Go":    func(s string) string { b, _ := json.Marshal(s); return strconv.Quote(string(b)) },
	"query in JSON": func(s string) string { b, _ := json.Marshal("&k=" + url.QueryEscape(s) + "&"); return string(b) },
}

func each[T any](s []T, format string) string {
	var b strings.Builder
	for _, c := range s {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// A secret is not to be had back out of what a Cleaner leaves of a text,
// whatever the form in which it stands there.
func TestEncodedSecrets(t *testing.T) {
	for _, secret := range []string{`ab/cdef+ghi=&<hunter2>"'\%41 x`, "hunter2hunter2", "ab%2Bcd%2Fhunter2", "+//+-_-_hunter2"} {
		c := quote.NewCleaner(secret)
		for name, encode := range encodings {
			if got := c.Line("bad " + encode(secret) + " token"); strings.Contains(strings.ToLower(got), "hunter2") || len(got) > len(`bad "\u0026k=[REDACTED]\u0026" token`)+4 {
				t.Errorf("%s of %q: %s", name, secret, got)
			}
		}
	}
}

// Messages are cut by servers, and by the bound of what is looked at.
func TestCutSecrets(t *testing.T) {
	c := quote.NewCleaner("hunter2abcdefghijkl")
	if got := c.Line("bad token hunter2abcde..."); got != "bad token [REDACTED]..." {
		t.Errorf("%s", got)
	}
	if got := c.Line("a hunter is no secret"); got != "a hunter is no secret" {
		t.Errorf("%s", got)
	}
	long := strings.Repeat("long secret ", 160)
	c = quote.NewCleaner(long)
	if got := c.Line(strings.Repeat(long, 10)); got != "[REDACTED]" {
		t.Errorf("%s", got)
	}
}

func FuzzCleaner(f *testing.F) {
	for _, s := range []string{"hunter2hunter2", `%41\u0041\\x&amp;+`, "ab/cd+ef==", "日本語のパスワード", "aaaaaaa"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		// What is no UTF-8 gets lost on the way into JSON.
		if len(secret) < 6 || len(secret) > 1000 || !utf8.ValidString(secret) {
			t.Skip()
		}
		c := quote.NewCleaner(secret)
		for name, encode := range encodings {
			if name == "upper case" && strings.ContainsFunc(secret, func(r rune) bool { return r >= utf8.RuneSelf }) {
				continue
			}
			encoded := encode(secret)
			if got := c.Hide("bad " + encoded + " token"); strings.Contains(got, encoded) {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
}

func TestWhatIsSecret(t *testing.T) {
	u, err := url.Parse("https://user:p%40ssword@h/a/KEYKEYKEY%2Fx/v1/logs?key=ab%2Bcdef&flag")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want []string }{
		"header": {quote.HeaderSecrets(map[string]exporters.Secret{"authorization": "Bearer abc"}), []string{"Bearer abc", "abc"}},
		"basic":  {quote.BasicSecrets("user", "p@ssword"), []string{"user", "p@ssword", "user:p@ssword", "dXNlcjpwQHNzd29yZA=="}},
		"query":  {quote.QuerySecrets(u), []string{"ab%2Bcdef", "ab+cdef", "flag", "flag"}},
		"path":   {quote.PathSecrets(u, 8), []string{"KEYKEYKEY%2Fx", "KEYKEYKEY"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestProxySecrets(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "")
	}
	if got := quote.ProxySecrets("", "http://proxy:3128"); got != nil {
		t.Errorf("%q", got)
	}
	t.Setenv("HTTPS_PROXY", "http://someone:hunter2%402@proxy:port") // which is no URL
	t.Setenv("http_proxy", "other:othersecret@proxy:1")
	c := quote.NewCleaner(quote.ProxySecrets("socks5://third:thirdsecret@proxy:1")...)
	for _, s := range []string{
		"hunter2@2", "someone", "othersecret", "thirdsecret", "c29tZW9uZTpodW50ZXIyQDI=", "http://someone:hunter2%402@proxy:port",
	} {
		if got := c.Line("bad " + s + " there"); got != "bad [REDACTED] there" {
			t.Errorf("%s: %s", s, got)
		}
	}
}
