package redact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

func configured(t testing.TB, change func(*redact.Config)) *redact.Redactor {
	t.Helper()
	cfg := redact.DefaultConfig()
	change(&cfg)
	d, err := redact.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tc := range []struct {
		name   string
		change func(*redact.Config)
		want   []string // in the error; none means there is no error
	}{
		{"default", func(c *redact.Config) {}, nil},
		{"nothing at all", func(c *redact.Config) { c.Presets = nil }, []string{"nothing would be redacted", "distribution: {sluice: {redact: false}}"}},
		{"no presets", func(c *redact.Config) { c.Presets, c.Keys = []string{}, []string{"iban"} }, nil},
		{"patterns alone", func(c *redact.Config) { c.Presets, c.Patterns = nil, []string{"x"} }, nil},
		{"blank around a key", func(c *redact.Config) { c.Keys = []string{"a b", " iban", "iban\t"} }, []string{`keys[1]: " iban"`, `keys[2]: "iban\t"`}},
		{"all presets", func(c *redact.Config) { c.Presets = []string{"all", "emails"} }, nil},
		{"hash", func(c *redact.Config) { c.Mode, c.HashKey = redact.Hash, "0123456789abcdef" }, nil},
		{"hash without key", func(c *redact.Config) { c.Mode = redact.Hash }, []string{"hash_key is missing", "16"}},
		{"short key", func(c *redact.Config) { c.Mode, c.HashKey = redact.Hash, "tooshort" }, []string{"hash_key has 8 bytes"}},
		{"key without hash", func(c *redact.Config) { c.HashKey = "0123456789abcdef" }, []string{"hash_key is set", `"replace"`}},
		{"mode", func(c *redact.Config) { c.Mode = "mask" }, []string{`mode: unknown value "mask"`, "replace, hash"}},
		{"several", func(c *redact.Config) {
			c.Presets = []string{"secrets", "email"}
			c.Patterns = []string{"ok", "(", "a*"}
			c.Keys = []string{"a", ""}
		}, []string{`presets[1]: unknown preset "email"`, "credit_cards, emails", "patterns[1]: error parsing", `patterns[2]: "a*" matches an empty text`, "keys[1] is empty"}},
		{"long pattern", func(c *redact.Config) { c.Patterns = []string{strings.Repeat("x", 5000)} }, []string{"patterns[0]: the expression has 5000 bytes"}},
		{"many keys", func(c *redact.Config) { c.Keys = strings.Split(long, "") }, []string{"keys: 300 of them"}},
		{"many patterns", func(c *redact.Config) { c.Patterns = strings.Split(long, "") }, []string{"patterns: 300 of them"}},
		{"no replacement", func(c *redact.Config) { c.Replacement = "" }, []string{"replacement is empty"}},
		{"long replacement", func(c *redact.Config) { c.Replacement = long }, []string{"replacement has 300 bytes"}},
		{"newline", func(c *redact.Config) { c.Replacement = "a\nb" }, []string{"replacement holds"}},
		{"quote", func(c *redact.Config) { c.Replacement = `"` }, []string{"replacement holds"}},
		{"secret replacement", func(c *redact.Config) { c.Replacement = "password=hunter2" }, []string{"looks like a secret"}},
	} {
		cfg := redact.DefaultConfig()
		tc.change(&cfg)
		err := cfg.Validate()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %q in it", tc.name, err, want)
			}
		}
		if _, other := redact.New(cfg); (other == nil) != (err == nil) {
			t.Errorf("%s: New says %v, Validate %v", tc.name, other, err)
		}
	}
}

func TestHashKeyNeverShows(t *testing.T) {
	cfg := redact.DefaultConfig()
	cfg.HashKey = "supersecretkey00"
	js, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	all := string(js) + cfg.HashKey.String() + fmt.Sprint(cfg.Validate())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, cfg.HashKey) + fmt.Sprintf(verb, &cfg)
	}
	if strings.Contains(all, "supersecret") || strings.Contains(all, fmt.Sprintf("%x", "supersecret")) {
		t.Errorf("the key shows in %s", all)
	}
	var k redact.HashKey
	if err := k.UnmarshalText([]byte("abc")); err != nil || k != "abc" {
		t.Errorf("UnmarshalText: %v, %v", k == "abc", err)
	}
}

func TestKeys(t *testing.T) {
	d := configured(t, func(c *redact.Config) {
		c.Presets = nil
		c.Keys = []string{"Customer.*", "http.*.x-tenant", "iban", "card?"}
	})
	for key, want := range map[string]bool{
		"customer.name": true, "CUSTOMER.NAME": true, "customer": false, "customers.name": false,
		"http.request.header.x-tenant": true, "IBAN": true, "iban2": false, "card1": true, "card": false, "password": false,
	} {
		if d.Key(key) != want {
			t.Errorf("Key(%q) = %t", key, !want)
		}
	}
	if redact.Default().Key("iban") || !redact.Default().Key("dbPassword") {
		t.Error("the default's keys are others")
	}
	if newRedactor(t, "cookies").Key("password") || !newRedactor(t, "cookies").Key("cookie") || !newRedactor(t, "api_keys").Key("api-key") {
		t.Error("a preset covers other names than its own")
	}
	for _, key := range []string{"user[password]", "password[]", "password[0]", "password.0", "passWord", "PassWord", "tokens", "secrets",
		"api_keys", "apiKeys", "credentials", "token_v2", "tokenV2", "secret_key_base", "private_key_pem"} {
		if !redact.Default().Key(key) {
			t.Errorf("%q names no secret", key)
		}
	}
	for _, key := range []string{"max_tokens", "prompt_tokens", "v2", "v", "sort_keys", "sword", "keyword", "knowledge_base", "user[name]", "tokens_used", "", "[0]", "V"} {
		if redact.Default().Key(key) {
			t.Errorf("%q names a secret", key)
		}
	}
	// Plurals with numbers are counts.
	counts := []attribute.KeyValue{attribute.Int("tokens", 512), attribute.Float64("secrets", 2), attribute.StringSlice("api_keys", []string{"x"})}
	if n := redact.Default().Attributes(counts); n != 1 || counts[2].Value.AsString() != redact.DefaultReplacement {
		t.Errorf("%d changed: %v", n, counts)
	}
	// A value of any type, at any depth, by the inner key or the path to it.
	kv := func(k string, v attribute.Value) attribute.KeyValue {
		return attribute.KeyValue{Key: attribute.Key(k), Value: v}
	}
	inner := attribute.MapValue(kv("x-tenant", attribute.IntValue(7)), kv("other", attribute.IntValue(8)))
	kvs := []attribute.KeyValue{
		kv("customer.vip", attribute.BoolValue(true)),
		kv("http", attribute.MapValue(kv("request", inner))),
		kv("x", attribute.MapValue(kv("request", inner))),
		kv("list", attribute.SliceValue(attribute.MapValue(kv("iban", attribute.StringValue("DE89"))), attribute.StringValue("iban"))),
		kv("customer", attribute.MapValue(kv("name", attribute.StringValue("Ann")))),
		kv("iban", attribute.Value{}),
	}
	if n := d.Attributes(kvs); n != 4 {
		t.Errorf("%d attributes changed, want 4", n)
	}
	want := `[{customer.vip [REDACTED]} {http {"request":{"other":8,"x-tenant":"[REDACTED]"}}} ` +
		`{x {"request":{"other":8,"x-tenant":7}}} {list [{"iban":"[REDACTED]"},"iban"]} {customer {"name":"[REDACTED]"}} {iban }]`
	var got []string
	for _, kv := range kvs {
		got = append(got, fmt.Sprintf("{%s %s}", kv.Key, kv.Value.String()))
	}
	if text := "[" + strings.Join(got, " ") + "]"; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestValuesUnderSecretNames(t *testing.T) {
	nested := attribute.MapValue(attribute.String("user", "bob"), attribute.Int("n", 1))
	for _, tc := range []struct {
		name     string
		v        attribute.Value
		redacted bool
	}{
		{"string", attribute.StringValue("x"), true},
		{"empty string", attribute.StringValue(""), false},
		{"flag", attribute.BoolValue(true), false},
		{"nothing", attribute.Value{}, false},
		{"number", attribute.IntValue(4711), true},
		{"float", attribute.Float64Value(0.5), true},
		{"bytes", attribute.ByteSliceValue([]byte("x")), true},
		{"strings", attribute.StringSliceValue([]string{"x"}), true},
		{"map", nested, true},
		{"redacted", attribute.StringValue("[REDACTED]"), false},
		{"hashed", attribute.StringValue("[HMAC:0123456789abcdef]"), false},
	} {
		kvs := []attribute.KeyValue{{Key: "password", Value: tc.v}}
		n := redact.Default().Attributes(kvs)
		if got := kvs[0].Value; (n == 1) != tc.redacted || tc.redacted && got.AsString() != redact.DefaultReplacement || !tc.redacted && got != tc.v {
			t.Errorf("%s: %d changed, %v", tc.name, n, got)
		}
	}
	// Nested and flat are the same.
	kvs := []attribute.KeyValue{
		{Key: "api", Value: attribute.MapValue(attribute.String("key", "x"))},
		{Key: "session", Value: attribute.MapValue(attribute.String("id", "x"))},
		{Key: "args", Value: attribute.SliceValue(attribute.StringValue("--password=x"), attribute.ByteSliceValue([]byte("pwd=x")))},
	}
	redact.Default().Attributes(kvs)
	args := kvs[2].Value.AsSlice()
	got := fmt.Sprintf("%s %s %s %s", kvs[0].Value, kvs[1].Value, args[0], args[1].AsByteSlice())
	if want := `{"key":"[REDACTED]"} {"id":"x"} --password=[REDACTED] pwd=[REDACTED]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestArguments(t *testing.T) {
	kvs := []attribute.KeyValue{attribute.StringSlice("process.command_args",
		[]string{"login", "--password", "canary", "-token", "canary", "--password", "--verbose", "--passwordless", "yes", "--api-key=canary", "password", "x"})}
	var mixed []attribute.Value // as the OTel API and slog's []any have it
	for _, arg := range kvs[0].Value.AsStringSlice() {
		mixed = append(mixed, attribute.StringValue(arg))
	}
	kvs = append(kvs, attribute.Slice("args", mixed...))
	redact.Default().Attributes(kvs)
	want := `["login","--password","[REDACTED]","-token","[REDACTED]","--password","--verbose","--passwordless","yes","--api-key=[REDACTED]","password","x"]`
	for _, kv := range kvs {
		if got := kv.Value.String(); got != want {
			t.Errorf("%s: got  %s\nwant %s", kv.Key, got, want)
		}
	}
}

// An environment in JSON has names and values under keys of their own.
func TestPairs(t *testing.T) {
	pair := func(key, name string, v attribute.Value) attribute.KeyValue {
		return attribute.Map("env", attribute.String(key, name), attribute.KeyValue{Key: "value", Value: v})
	}
	for want, kv := range map[string]attribute.KeyValue{
		`{"name":"DB_PASSWORD","value":"[REDACTED]"}`: pair("name", "DB_PASSWORD", attribute.StringValue("x")),
		`{"key":"apiKey","value":"[REDACTED]"}`:       pair("key", "apiKey", attribute.IntValue(4711)),
		`{"name":"DB_PASSWORD","value":true}`:         pair("name", "DB_PASSWORD", attribute.BoolValue(true)),
		`{"name":"DB_USER","value":"x"}`:              pair("name", "DB_USER", attribute.StringValue("x")),
		`{"RawQuery":"","User":"app:[REDACTED]"}`:     attribute.Map("url", attribute.String("User", "app:x"), attribute.String("RawQuery", "")),
		`{"RawQuery":"","User":"app"}`:                attribute.Map("url", attribute.String("User", "app"), attribute.String("RawQuery", "")),
		`{"User":"app:x"}`:                            attribute.Map("url", attribute.String("User", "app:x")),
		`{"label":"DB_PASSWORD","value":"x"}`:         pair("label", "DB_PASSWORD", attribute.StringValue("x")),
	} {
		kvs := []attribute.KeyValue{kv}
		redact.Default().Attributes(kvs)
		if got := kvs[0].Value.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if n := redact.Default().Attributes(kvs); n != 0 {
			t.Errorf("the second time %s", kvs[0].Value)
		}
	}
}

// Values may be shared with other records: they are not written into.
func TestValuesAreNotWrittenInto(t *testing.T) {
	shared := attribute.MapValue(attribute.String("password", "x"), attribute.String("k", "v"))
	before := shared.String()
	v, ok := redact.Default().Value(shared)
	if !ok || shared.String() != before || v.String() == before {
		t.Errorf("changed %t: %v becomes %v", ok, before, v)
	}
}

func TestPatterns(t *testing.T) {
	for _, tc := range []struct{ pattern, in, want string }{
		{`order-\d+`, "order-1 and order-22", "[REDACTED] and [REDACTED]"},
		{`tenant=(\w+)`, "tenant=acme x", "tenant=[REDACTED] x"},
		{`(\w+)/(?P<secret>\w+)`, "scott/tiger", "scott/[REDACTED]"},
		{`(a)(b)`, "xaby", "x[REDACTED]y"},
		{`a(b)?`, "a ab", "[REDACTED] a[REDACTED]"},
		{`\w+`, "[REDACTED]", "[REDACTED]"},
		{`é+`, "aéé", "a[REDACTED]"},
		{`hunter`, "password=hunter2 x", "password=[REDACTED] x"},
		{`x`, "nothing", "nothing"},
	} {
		d := configured(t, func(c *redact.Config) { c.Patterns = []string{tc.pattern} })
		got, changed := d.String(tc.in)
		if got != tc.want || changed != (tc.in != tc.want) {
			t.Errorf("%s: %q becomes %q, changed %t; want %q", tc.pattern, tc.in, got, changed, tc.want)
		}
	}
}

// An expression that reads to the end of the text after each match would take
// time with the square of the length. What is not looked at is not let through.
func TestPatternsAreBounded(t *testing.T) {
	pattern := func(p string) func(*redact.Config) {
		return func(c *redact.Config) { c.Presets, c.Patterns = nil, []string{p} }
	}
	d := configured(t, pattern(`ticket (?P<secret>TK-\d+)(?: .*closed)?`))
	for _, size := range []int{4 << 10, 128 << 10} {
		got, _ := d.String(strings.Repeat("ticket TK-1 ", size/len("ticket TK-1 ")))
		if strings.Contains(got, "TK-1") {
			t.Errorf("%d bytes: a match is left", size)
		}
		if whole := strings.Count(got, "ticket") == size/len("ticket TK-1 "); whole != (size == 4<<10) {
			t.Errorf("%d bytes: all matches one by one is %t", size, whole)
		}
		if again, changed := d.String(got); changed {
			t.Errorf("%d bytes: the second time %d bytes become %d", size, len(got), len(again))
		}
	}
	for _, p := range []string{`\w+`, `.`, `\[`, `D\]`} { // which match in marks, and parts of them
		d := configured(t, pattern(p))
		got, _ := d.String(strings.Repeat("a b [REDACTED][RED", 128<<10/18))
		if again, changed := d.String(got); changed {
			t.Errorf("%s: %d bytes become %d the second time", p, len(got), len(again))
		}
	}
}

func TestReplacement(t *testing.T) {
	d := configured(t, func(c *redact.Config) { c.Replacement = "‹gone›" })
	got, _ := d.String("password=a token=b password=[REDACTED]")
	if want := "password=‹gone› token=‹gone› password=[REDACTED]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if again, changed := d.String(got); changed {
		t.Errorf("the second time %q", again)
	}
}

// What stands for a number in JSON is a string, so that JSON stays JSON.
func TestNumbersInJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"pin":4711}`:               `{"pin":"[REDACTED]"}`,
		`{"pin": 471, "n": 1}`:       `{"pin": "[REDACTED]", "n": 1}`,
		`{"a":"{\"otp\":123456}"}`:   `{"a":"{\"otp\":\"[REDACTED]\"}"}`,
		`{"card":4111111111111111}`:  `{"card":"[REDACTED]"}`,
		`{"token":5,"max_tokens":5}`: `{"token":"[REDACTED]","max_tokens":5}`,
		`pin:4711`:                   `pin:[REDACTED]`,
	} {
		d := newRedactor(t, "all")
		got, _ := d.String(in)
		if got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
		if again, changed := d.String(got); changed {
			t.Errorf("%s becomes %s", got, again)
		}
	}
}

func TestHash(t *testing.T) {
	d := hashing(t)
	kvs := []attribute.KeyValue{
		attribute.String("password", "hunter2"), attribute.String("text", "password=hunter2; token=other"), attribute.Int("pin", 7),
	}
	d.Attributes(kvs)
	mark := kvs[0].Value.AsString()
	// printf hunter2 | openssl dgst -sha256 -hmac 0123456789abcdef
	if want := "[HMAC:deda27db21d02fd2]"; mark != want {
		t.Errorf("hash %s, want %s", mark, want)
	}
	text := kvs[1].Value.AsString()
	if !strings.HasPrefix(text, "password="+mark+"; token=[HMAC:") || strings.Count(text, mark) != 1 {
		t.Errorf("%q: want %s once, and another hash", text, mark)
	}
	if n := d.Attributes(kvs); n != 0 {
		t.Errorf("hashed again: %v", kvs)
	}
	if pin := kvs[2].Value.AsString(); len(pin) != len(mark) || pin == mark {
		t.Errorf("a number's hash is %q", pin)
	}
}

func TestNumbersOfCards(t *testing.T) {
	kvs := []attribute.KeyValue{
		attribute.Int64("a", 4111111111111111), attribute.Int64("b", 4111111111111112),
		attribute.Int64Slice("c", []int64{1}), {Key: "d", Value: attribute.SliceValue(attribute.Int64Value(4111111111111111))},
	}
	if n := newRedactor(t, "credit_cards").Attributes(kvs); n != 2 || kvs[0].Value.AsString() != redact.DefaultReplacement {
		t.Errorf("%d changed: %v", n, kvs)
	}
}

// However deep a value, it is redacted, or cut off.
func TestDepth(t *testing.T) {
	for _, depth := range []int{10, 450, 5000} { // levels of two values each
		v := attribute.StringValue("canary")
		for i := range depth {
			key := "k"
			if i == 0 {
				key = "password"
			}
			v = attribute.MapValue(attribute.KeyValue{Key: attribute.Key(key), Value: attribute.SliceValue(v)})
		}
		r := record.Record{Body: v, Attributes: []attribute.KeyValue{{Key: "a", Value: v}}}
		if n := redact.Default().Record(&r); n != 2 {
			t.Errorf("depth %d: %d values changed, want 2", depth, n)
		}
		for _, v := range []attribute.Value{r.Body, r.Attributes[0].Value} {
			levels := 0
			for v.Type() == attribute.MAP || v.Type() == attribute.SLICE {
				if v.Type() == attribute.MAP {
					v = v.AsMap()[0].Value
					levels++
				} else {
					v = v.AsSlice()[0]
				}
			}
			if want := min(depth, 500); v.AsString() != redact.DefaultReplacement || levels != want {
				t.Errorf("depth %d: ends %d deep with %v, want %d", depth, levels, v, want)
			}
		}
	}
}

func TestDefaultIsValid(t *testing.T) {
	if err := redact.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if redact.Default() != redact.Default() {
		t.Error("the default is made anew each time")
	}
}
