package redact_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// hostile are texts that look like secrets again and again without being any.
var hostile = []string{
	"a", " ", "\"", "\\", "-", "=", ":", "@", ".", "eyJ", "eyJa.", "eyJaaaaaaaaaaa.a.", "sk-", "sk_live_", "ghp_", "xoxb-",
	"://", "://a:", "a://b:c/", "a://b:c@", "password=", "password: ", "password=[", "password=\"", "password=\\\"", "\"password\":", "password=\"\\\"'",
	"password=,", "password=a,", "password=,a", "--password ", "--password \"", "-p ", "Bearer ", "Bearer a", "Basic ", "Basic a", "cookie:", "cookie:a=", "cookie: a ",
	"-----BEGIN ", "-----BEGIN PRIVATE KEY", "-----BEGIN CERTIFICATE-----", "<password>", "<password>a", "4 ", "4-", "1", "4111 ", "a@", "a@a", "@a.", "a.a",
	"1.", "1.2.3.", ":", "a:", "::", "a::", "1:2:", "AA:", "12345678:AA", "u:p@tcp", "AKIA", "AI", "SK", "é", "\xff", "_", "a_", "%5d=", "a]=", "a    =", ",a", ";a b", "$", "<a",
	"cookie:/", "cookie=[", "pwd=/", "pwd=\"/", "a:password>", "<a:password>", "bearer+", "basic+", "basic YWFh+", "password: a[REDACTED]", "token=Bearer ",
	"token=digest ", "password=***", "[REDACTED]", "[HMAC:0", "password=${A", "password=<a", "--token '", "unexpected token: ", "eyJaaaaaaaaaa..", "AKIA0", "password=%5D",
	"\"password\":  ", "password[0]=", "password[", "\"password\":[]string{\"a\",", "\"password\":[\"\",", "&#34;password&#34;:&#34;", "&#34;password&#34;:&quot;",
	"\\u0022password\\u0022:", "\x1b[36m", "\x1b[36mtoken\x1b[0m:", "\"a\":\"token\",\"value\":", "<a b=\"\">", "<password a=\"\">", "<password><![CDATA[]]>",
	"User:a:b", "://a:'", "://a:b<", "a:b@/", "a'b:c@tcp(", "Authorization: Key ", "Authorization: Key a1 ", "\\n", "password=a\\n", "_AIza", "-AIza0", "_xoxb-",
	"password={", "password={a", "cookie:a='", "cookie:a=\"", "cookie: a=\"b\";", "\\u0026sig=", "token: token ", "secret=a/", "(token:a",
	"(token:a1:2:", "(token:arn:", "\"a/token\":a", "\"a/token\":[REDACTED]a", "tokens=1,", "tokens=[1,",
}

// BenchmarkHostile shows that a text 16 times as long takes about 16 times as
// long, not 256 times.
func BenchmarkHostile(b *testing.B) {
	d := newRedactor(b, "all")
	for _, piece := range hostile {
		for _, size := range []int{1 << 14, 1 << 18} {
			s := strings.Repeat(piece, size/len(piece))
			b.Run(fmt.Sprintf("%q/%d", piece, size), func(b *testing.B) {
				b.SetBytes(int64(len(s)))
				for b.Loop() {
					d.String(s)
				}
			})
		}
	}
}

// TestHostile takes seconds. A finder that looked over the text again at each
// of its stops would take minutes for one of these texts, and hours for all.
func TestHostile(t *testing.T) {
	size := 1 << 20
	if raceEnabled || testing.Short() {
		size = 1 << 16
	}
	d := newRedactor(t, "all")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	pick := func() string { return hostile[rnd.IntN(len(hostile))] }
	texts := append([]string(nil), hostile...)
	for range 50 {
		texts = append(texts, pick()+pick(), pick()+pick()+pick())
	}
	for _, piece := range texts {
		got, _ := d.String(strings.Repeat(piece, size/len(piece)))
		if len(got) == 0 {
			t.Errorf("nothing is left of %q", piece)
		}
	}
	var b strings.Builder // and one of 10 MB, or so, without any order
	for b.Len() < 10*size {
		b.WriteString(pick())
	}
	d.String(b.String())
}
