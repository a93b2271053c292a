package redact

import "strings"

// starts reports whether a token may start at s[i]: nothing of a token stands
// right before it, unless that is the end of an escape such as \n or %3D. So
// a finder looks at each run of a token's bytes once.
func starts(s string, i, floor int) bool {
	if i <= floor {
		return i == floor
	}
	if !is(s[i-1], token) {
		return true
	}
	return i-2 >= floor && s[i-2] == '\\' && (s[i-1] == 'n' || s[i-1] == 'r' || s[i-1] == 't') ||
		i-3 >= floor && s[i-3] == '%' && is(s[i-2], hexDigit) && is(s[i-1], hexDigit)
}

// A keyForm is a form of API keys: a prefix and what follows it.
type keyForm struct {
	prefix    string
	kind      byteKind
	least     int  // how many bytes follow
	exactly   bool // and no more
	scrambled bool // digits and letters of both cases are among them
	parts     int  // how many such runs a dot divides; 0 is 1
	stop      int  // where in the prefix the scan stops
}

// keyStops are the bytes at which the scan stops, the last one of a prefix:
// those that are rare in texts.
const keyStops = "_-.IKF"

// keyForms are indexed by that byte and the one before it.
var keyForms = func() (t [128]*[128][]keyForm) {
	const alnum = letter | digit
	for _, f := range []keyForm{
		{prefix: "AKIA", kind: upper | digit, least: 16, exactly: true}, // AWS
		{prefix: "ASIA", kind: upper | digit, least: 16, exactly: true},
		{prefix: "AIza", kind: token, least: 35, exactly: true}, // Google
		{prefix: "ya29.", kind: token, least: 20},
		{prefix: "GOCSPX-", kind: token, least: 24},
		{prefix: "ghp_", kind: alnum, least: 36}, // GitHub
		{prefix: "gho_", kind: alnum, least: 36},
		{prefix: "ghu_", kind: alnum, least: 36},
		{prefix: "ghs_", kind: alnum, least: 36},
		{prefix: "ghr_", kind: alnum, least: 36},
		{prefix: "github_pat_", kind: token, least: 22},
		{prefix: "glpat-", kind: token, least: 20}, // GitLab
		{prefix: "glrt-", kind: token, least: 20},
		{prefix: "gldt-", kind: token, least: 20},
		{prefix: "xoxa-", kind: token, least: 20}, // Slack
		{prefix: "xoxb-", kind: token, least: 20},
		{prefix: "xoxe-", kind: token, least: 20},
		{prefix: "xoxp-", kind: token, least: 20},
		{prefix: "xoxr-", kind: token, least: 20},
		{prefix: "xoxs-", kind: token, least: 20},
		{prefix: "xoxc-", kind: token, least: 20},
		{prefix: "xoxd-", kind: token, least: 20},
		{prefix: "xapp-", kind: token, least: 20},
		{prefix: "sk_live_", kind: alnum, least: 16}, // Stripe
		{prefix: "sk_test_", kind: alnum, least: 16},
		{prefix: "rk_live_", kind: alnum, least: 16},
		{prefix: "rk_test_", kind: alnum, least: 16},
		{prefix: "whsec_", kind: alnum, least: 24},
		{prefix: "sk-", kind: token, least: 32, scrambled: true}, // OpenAI, Anthropic
		{prefix: "hf_", kind: alnum, least: 34},                  // Hugging Face
		{prefix: "SG.", kind: token, least: 16, parts: 2},        // SendGrid
		{prefix: "hvs.", kind: token, least: 24},                 // Vault
		{prefix: "dckr_pat_", kind: token, least: 20},            // Docker
		{prefix: "ATATT3xF", kind: token, least: 24},             // Atlassian
		{prefix: "npm_", kind: alnum, least: 36},
		{prefix: "pypi-", kind: token, least: 50},
		{prefix: "SK", kind: hexDigit, least: 32, exactly: true},     // Twilio
		{prefix: "dop_v1_", kind: hexDigit, least: 64},               // DigitalOcean
		{prefix: "shpat_", kind: hexDigit, least: 32, exactly: true}, // Shopify
	} {
		f.stop = strings.LastIndexAny(f.prefix, keyStops)
		stop, before := f.prefix[f.stop], f.prefix[f.stop-1]
		if t[stop] == nil {
			t[stop] = new([128][]keyForm)
		}
		t[stop][before] = append(t[stop][before], f)
	}
	return t
}()

// prefixed finds an API key in whose prefix s[i], one of keyStops, lies.
func prefixed(s string, i, floor int) (from, to int) {
	if i == 0 || s[i-1] >= 128 {
		return 0, 0
	}
	forms := keyForms[s[i]][s[i-1]]
	for k := range forms {
		f := &forms[k]
		from = i - f.stop
		if from < floor || !strings.HasPrefix(s[from:], f.prefix) || !starts(s, from, floor) && (f.scrambled || !is(s[from-1], dash)) {
			continue
		}
		if to = f.end(s, from+len(f.prefix)); to > 0 {
			return from, to
		}
	}
	return 0, 0
}

// end returns where the key ends whose prefix ends at i, 0 if there is none.
func (f *keyForm) end(s string, i int) int {
	for part := 0; ; part++ {
		e := len(s)
		if f.exactly {
			e = min(e, i+f.least+1)
		}
		e = run(s[:e], i, f.kind)
		if e-i < f.least || f.exactly && (e-i > f.least || at(s, e, letter|digit)) || f.scrambled && !scrambled(s[i:e]) {
			return 0
		}
		if part+1 >= f.parts {
			return e
		}
		if e == len(s) || s[e] != '.' {
			return 0
		}
		i = e + 1
	}
}

// kindsIn returns the kinds of bytes that s holds.
func kindsIn(s string) (k byteKind) {
	for i := range len(s) {
		k |= kinds[s[i]]
	}
	return k
}

func scrambled(s string) bool {
	k := kindsIn(s)
	return k&digit != 0 && k&lower != 0 && k&upper != 0
}

// botToken finds a Telegram bot's token around the colon at i.
func botToken(s string, i, floor int) (from, to int) {
	if !strings.HasPrefix(s[i+1:], "AA") {
		return 0, 0
	}
	from = i
	for from > floor && i-from < 11 && is(s[from-1], digit) {
		from--
	}
	to = run(s, i+1, token)
	if i-from < 8 || i-from > 10 || to-i-1 != 35 {
		return 0, 0
	}
	return from, to
}

// webToken finds a JSON web token (RFC 7519) at whose second "eyJ" byte s[i]
// stands: two parts that are JSON objects in base64url, then a signature, or
// five parts when it is encrypted (RFC 7516). Only the first object is sure
// to be readable.
func webToken(s string, i, floor int) (from, to int) {
	const leastPart = 10
	from = i - len("ey")
	if from < floor || s[from:i] != "ey" || !starts(s, from, floor) {
		return 0, 0
	}
	to = run(s, from, token)
	if to-from < leastPart {
		return 0, 0
	}
	parts, second := 1, 0
	for parts < 5 && to < len(s) && s[to] == '.' {
		e := run(s, to+1, token)
		if parts == 1 {
			second = e - to - 1
		}
		to = e
		parts++
	}
	if second < leastPart && parts < 5 {
		return 0, 0
	}
	return from, to
}

// privateKey finds a private key in PEM form (RFC 7468; PGP and SSH write it
// much alike) whose first line starts at the dash at i. One without an end
// goes to the end of the text.
func privateKey(s string, i int) (from, to int) {
	const leastDashes, longestLabel = 4, 64
	label := run(s, i, dash)
	if label-i < leastDashes {
		return 0, 0
	}
	if at(s, label, space) {
		label++
	}
	if !strings.HasPrefix(s[label:], "BEGIN ") {
		return 0, 0
	}
	name, _, ok := strings.Cut(s[label:min(len(s), label+longestLabel)], "--")
	if !ok || !strings.Contains(name, "PRIVATE KEY") {
		return 0, 0
	}
	rest := label + len(name)
	end := strings.Index(s[rest:], "END "+strings.TrimPrefix(strings.TrimSpace(name), "BEGIN "))
	if end < 0 {
		return i, len(s)
	}
	to = rest + end + len("END ")
	for to < len(s) && s[to] != '-' && s[to] != '\n' {
		to++
	}
	return i, run(s, to, dash)
}
