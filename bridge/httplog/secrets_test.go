package httplog

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

func TestRedactQuery(t *testing.T) {
	for _, tt := range []struct{ name, query, want string }{
		{"none", "", ""},
		{"harmless", "q=shoes&page=2&max_tokens=5&flag&=x&a=", "q=shoes&page=2&max_tokens=5&flag&=x&a="},
		{"escapes stay", "q=a%20b+c;x=%zz", "q=a%20b+c;x=%zz"},
		{"by name", "access_token=canary&q=1", "access_token=[REDACTED]&q=1"},
		{"by an escaped name", "pass%77ord=canary", "pass%77ord=[REDACTED]"},
		{"twice", "password=canary&password=canary&q=1", "password=[REDACTED]&password=[REDACTED]&q=1"},
		{"behind a semicolon", "q=1;password=canary&a=1&amp;token=canary", "q=1;password=[REDACTED]&a=1&amp;token=[REDACTED]"},
		{"with a semicolon", "token=;canary&password=canary;canary=canary&q=1", "token=[REDACTED]&password=[REDACTED]&q=1"},
		{"by a part of the name", "user[password]=canary&user%5Bpin%5D=canary&a[api][key]=canary&password[0][]=canary&user.password=canary&q[1]=2",
			"user[password]=[REDACTED]&user%5Bpin%5D=[REDACTED]&a[api][key]=[REDACTED]&password[0][]=[REDACTED]&user.password=[REDACTED]&q[1]=2"},
		{"signatures", "X-Amz-Signature=canary&X-Amz-Credential=canary&sig=canary&SIG=1", "X-Amz-Signature=[REDACTED]&X-Amz-Credential=[REDACTED]&sig=[REDACTED]&SIG=1"},
		{"an equals sign in the value", "token=a=canary", "token=[REDACTED]"},
		{"by value", "next=https%3A%2F%2Fann%3Acanary@shop.example%2F", "next=[REDACTED]"},
		{"by value in JSON", "data=%7B%22password%22%3A%22canary%22%7D", "data=[REDACTED]"},
		{"without a name", token, "[REDACTED]"},
		{"as a name", "q=1&" + token + "=1&" + token + "=", "q=1&[REDACTED]&[REDACTED]"},
		{"by form, with a semicolon", "next=https://ann:can;ary@shop.example/", "next=https://ann:[REDACTED]@shop.example/"},
		{"no value", "password=&token", "password=&token"},
		{"not half of one", "token=" + strings.Repeat("x", maxURL-len("token=&a=")-20) + "&a=" + token, "token=[REDACTED]&…"},
		{"one parameter only", "a=" + strings.Repeat("x ", maxURL), "…"},
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

func TestRedactAgent(t *testing.T) {
	for _, tt := range []struct{ agent, want string }{
		{"curl/8.5.0", "curl/8.5.0"},
		{"shop/1 " + token, "shop/1 [REDACTED]"},
		{strings.Repeat("a", maxText-8) + " " + token, strings.Repeat("a", maxText-8) + " [RED…"},
		{"a " + strings.Repeat("x", maxURL), "a …"},
	} {
		if got := redactAgent(tt.agent); got != tt.want {
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
		if strings.Contains(value, "&") || strings.Contains(query, canary) || len(query)+len(value) > maxText/2 {
			return
		}
		if got := redactQuery(query + "&sig=" + value + canary + "&a=b"); strings.Contains(got, canary) {
			t.Errorf("a signature is left in %q", got)
		}
	})
}
