package httplog

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRedactQuery(t *testing.T) {
	for _, tt := range []struct{ name, query, want string }{
		{"none", "", ""},
		{"harmless", "q=shoes&page=2&max_tokens=5&flag&=x&a=", "q=shoes&page=2&max_tokens=5&flag&=x&a="},
		{"escapes stay", "q=a%20b+c;x=%zz", "q=a%20b+c;x=%zz"},
		{"by name", "access_token=canary&q=1", "access_token=[REDACTED]&q=1"},
		{"by an escaped name", "pass%77ord=canary", "pass%77ord=[REDACTED]"},
		{"twice, and behind a semicolon", "password=canary&password=canary;api_key=canary", "password=[REDACTED]&password=[REDACTED];api_key=[REDACTED]"},
		{"signatures", "X-Amz-Signature=canary&X-Amz-Credential=canary&sig=canary&SIG=1", "X-Amz-Signature=[REDACTED]&X-Amz-Credential=[REDACTED]&sig=[REDACTED]&SIG=1"},
		{"an equals sign in the value", "token=a=canary", "token=[REDACTED]"},
		{"by value", "next=https%3A%2F%2Fann%3Acanary@shop.example%2F", "next=[REDACTED]"},
		{"no value", "password=&token", "password=&token"},
		{"cut, but recognized", strings.Repeat("a", maxText-12) + "&password=canary", strings.Repeat("a", maxText-12) + "&password…"},
	} {
		if got := redactQuery(tt.query); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestRedactPath(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"", ""},
		{"/cart/7", "/cart/7"},
		{"/cart/a%2Fb", "/cart/a%2Fb"},
		{"/fetch/https://ann:canary@shop.example/x", "/fetch/https://ann:[REDACTED]@shop.example/x"},
	} {
		if got := redactPath(tt.path); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func FuzzRedactQuery(f *testing.F) {
	for _, s := range []string{"", "q=1&password=x", "a=b;c=%zz&&==", "=%", "é=ü&sig"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, query, value string) {
		got := redactQuery(query)
		if len(got) > maxText || utf8.ValidString(query) && !utf8.ValidString(got) {
			t.Errorf("%q became %q", query, got)
		}
		if again := redactQuery(got); len(got) < maxText-len("…") && again != got {
			t.Errorf("%q, once more %q", got, again)
		}
		const canary = "canaryü"
		if strings.ContainsAny(value, "&;") || strings.Contains(query, canary) || len(query)+len(value) > maxText/2 {
			return
		}
		if got := redactQuery(query + "&sig=" + value + canary + "&a=b"); strings.Contains(got, canary) || !strings.HasSuffix(got, "&sig=[REDACTED]&a=b") {
			t.Errorf("a signature is left in %q", got)
		}
	})
}
