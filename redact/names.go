package redact

import "strings"

// maxName bounds how much of a name's end is looked at, in bytes.
const maxName = 64

// A wordRule says what a name's last word means.
type wordRule struct {
	covers preset   // that take what stands under the name for a secret
	aside  bool     // the word before it is the one that counts
	after  []string // only if one of these is the word before; "" is none
	unless []string // not if one of these is the word before
}

// counted is a bit of names whose numbers are counts: tokens, secrets, api_keys.
const counted preset = 1 << 15

// lastWords are the words that make a name a secret's when they are its last.
// The bit urlPasswords alone stands for names that are secret in the query of
// a URL and nowhere else.
var lastWords = func() map[string]wordRule {
	const anywhere, key = assignments, assignments | apiKeys
	const keys = `api access secret private account encryption decryption signing master auth session shared
		subscription license webhook hmac aes deploy consumer storage`
	words := map[string]wordRule{
		"cookie":    {covers: anywhere | cookies},
		"cookies":   {covers: anywhere | cookies},
		"sig":       {covers: urlPasswords},
		"signature": {covers: urlPasswords},
		// What says where to go on, or when to stop, opens nothing.
		"tokens":  {covers: anywhere | counted, after: []string{"", "access", "refresh", "auth", "api", "bearer", "session", "id", "device"}},
		"secrets": {covers: anywhere | counted},
		"keys":    {covers: key | counted, after: strings.Fields(keys)},
		"word":    {covers: anywhere, after: []string{"pass"}}, // passWord
		"token":   {covers: anywhere, unless: []string{"page", "next", "continuation", "cancellation", "sync"}},
		"key":     {covers: key, after: strings.Fields(keys)},
		"pass": {covers: anywhere, after: strings.Fields(`db database smtp mail email imap user admin root login redis mysql
			pg postgres mongo ldap ftp ssh http proxy amqp rabbitmq keystore truststore auth`)},
		"code": {covers: anywhere, after: strings.Fields(`pin otp mfa totp verification security recovery backup pass
			authorization cvv`)},
		"pin":    {covers: anywhere, after: []string{"", "card", "user", "sim", "account", "security", "unlock"}},
		"id":     {covers: anywhere, after: []string{"session"}},
		"auth":   {covers: anywhere, after: []string{"basic"}},
		"number": {covers: anywhere, after: []string{"security"}},
	}
	for _, word := range strings.Fields(`password passwords passwd passphrase passcode passwort pwd secret authorization
		authorisation credential credentials creds jwt otp totp cvv cvc ssn mnemonic sessionid sessid jsessionid
		phpsessid dbpass userpass sshpass smtppass`) {
		words[word] = wordRule{covers: anywhere}
	}
	// password_hash, new and old ones, secret_key_base
	for _, word := range strings.Fields("value hash new old confirm confirmation base pem plain") {
		words[word] = wordRule{aside: true}
	}
	return words
}()

// runTogether are the ends of last words such as PGPASSWORD and authtoken, by
// their last letter.
var runTogether = [256][]string{
	'd': {"password", "passwd"},
	'n': {"token"},
	't': {"secret"},
	's': {"apikeys", "accesskeys"},
	'y': {"apikey", "accesskey", "secretkey", "privatekey", "accountkey", "authkey", "signingkey"},
}

// endings marks the last three letters of all those words: most names are told
// by theirs to name no secret. The lower five bits of a letter are the same in
// both cases.
var endings = func() (t [1 << 15]bool) {
	add := func(word string) {
		n := len(word)
		if n > 2 {
			t[ending(word[n-3], word[n-2], word[n-1])] = true
			return
		}
		for before := range 1 << 5 {
			t[ending(byte(before), word[n-2], word[n-1])] = true
		}
	}
	for word := range lastWords {
		add(word)
	}
	for _, ends := range runTogether {
		for _, end := range ends {
			add(end)
		}
	}
	return t
}()

func ending(a, b, c byte) int { return int(a&31)<<10 | int(b&31)<<5 | int(c&31) }

// mayBeNamed reports whether the name that ends at s[end-1] can be a secret's.
func mayBeNamed(s string, end int) bool {
	if end > 0 && !is(s[end-1], letter) {
		end = lastLetter(s, end, 0)
	}
	return end > 2 && endings[ending(s[end-3], s[end-2], s[end-1])] || end == 2
}

// lastLetter returns where the last word of the name s[:end] ends: digits,
// separators and indices belong to none, neither does a version as in token_v2.
func lastLetter(s string, end, least int) int {
	e := end
	for e > least && is(s[e-1], index) {
		e--
	}
	if e-1 > least && e < end && (s[e-1] == 'V' || s[e-1] == 'v' && is(s[e-2], dash)) {
		return lastLetter(s, e-1, least)
	}
	return e
}

// namedSecret returns the presets that take what stands under name for a
// secret; 0 means none does. What counts are a name's last words, words being
// what separators and camelCase divide: "dbPassword" and "X-Api-Key" name
// secrets, "max_tokens", "password_changed_at" and "secretary" do not.
func namedSecret(name string) preset {
	name = name[max(0, len(name)-maxName):]
	if !mayBeNamed(name, len(name)) {
		return 0
	}
	var buf, buf2 [maxName]byte
	word, rest := lastWord(name, &buf)
	rule, ok := lastWords[string(word)] // which copies nothing
	if rule.aside {
		word, rest = lastWord(rest, &buf)
		rule, ok = lastWords[string(word)]
	}
	if !ok {
		return endsLike(word)
	}
	if rule.after != nil || rule.unless != nil {
		before, _ := lastWord(rest, &buf2)
		if contains(rule.unless, before) || rule.after != nil && !contains(rule.after, before) {
			return 0
		}
		// OpenTelemetry's session.id tells visits apart and opens nothing
		// (https://opentelemetry.io/docs/specs/semconv/general/session/).
		if string(word) == "id" && strings.EqualFold(name, "session.id") {
			return 0
		}
	}
	return rule.covers
}

func contains(list []string, word []byte) bool {
	for _, w := range list {
		if w == string(word) {
			return true
		}
	}
	return false
}

// endsLike is namedSecret for a last word that is not known as a whole.
func endsLike(word []byte) preset {
	if len(word) == 0 {
		return 0
	}
	last := word[len(word)-1]
	for _, end := range runTogether[last] {
		if n := len(word) - len(end); n >= 0 && string(word[n:]) == end {
			if last == 'y' || last == 's' {
				return assignments | apiKeys
			}
			return assignments
		}
	}
	return 0
}

// lastWord returns a name's last word in lower case, which buf holds, and what
// stands before it. Digits and separators at the end belong to no word. No
// more than maxName bytes are looked at.
func lastWord(name string, buf *[maxName]byte) (word []byte, rest string) {
	least := max(0, len(name)-maxName)
	end := lastLetter(name, len(name), least)
	for end > least && !is(name[end-1], letter) {
		end--
	}
	i := end
	for i > least && is(name[i-1], letter|digit) {
		if i < end && is(name[i], upper) && !is(name[i-1], upper) {
			break // session|ID
		}
		i--
		if i > least && i+1 < end && is(name[i], upper) && is(name[i+1], lower) && is(name[i-1], letter|digit) {
			break // DB|Password
		}
	}
	return appendLower(buf[:0], name[i:end]), name[:i]
}
