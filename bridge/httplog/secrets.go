package httplog

import (
	"net/url"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/redact"
)

// maxURL bounds the bytes of a text that are searched for secrets. It is far
// more than is logged: nothing is cut before it was searched.
const maxURL = 64 << 10

// signatures are query parameters that the semantic conventions for url.query
// want redacted.
var signatures = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"}

func redactPath(path string) string { return redactText(bound(path, "/")) }

func redactAgent(agent string) string { return redactText(bound(agent, " ")) }

func redactText(s string) string {
	s, _ = redact.Default().String(s)
	return cut(s, maxText)
}

// bound cuts a text that is too long to be searched behind one of ends, since
// nobody recognizes the first half of a secret.
func bound(s, ends string) string {
	if len(s) <= maxURL {
		return s
	}
	return s[:strings.LastIndexAny(s[:maxURL], ends)+1] + "…"
}

// redactQuery replaces the values of parameters whose name or value says that
// they are secret, and whatever else in one has a secret's form. Everything
// else stays as it was sent. A secret that an ampersand parts is not found.
func redactQuery(query string) string {
	var b strings.Builder
	for i, parameter := range strings.Split(bound(query, "&;"), "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(redactParameter(parameter))
	}
	return cut(b.String(), maxText)
}

// redactParameter takes a semicolon for the beginning of another parameter, as
// some programs do, but not for the end of a secret one, as others do not.
func redactParameter(p string) string {
	var b strings.Builder
	for i, part := range strings.Split(p, ";") {
		if i > 0 {
			b.WriteByte(';')
			p = p[1:]
		}
		name, value, valued := strings.Cut(part, "=")
		switch {
		case valued && secretName(unescape(name)):
			if value = p[len(name)+1:]; value != "" {
				value = redact.DefaultReplacement
			}
			b.WriteString(name + "=" + value)
			return b.String()
		case hasSecret(name):
			b.WriteString(redact.DefaultReplacement)
		case hasSecret(value):
			b.WriteString(name + "=" + redact.DefaultReplacement)
		default:
			b.WriteString(part)
		}
		p = p[len(part):]
	}
	redacted, _ := redact.Default().String(b.String())
	return redacted
}

// secretName looks at a parameter's name, and at the parts of one with
// brackets: user[password][0].
func secretName(name string) bool {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' })
	return slices.Contains(signatures, name) || slices.ContainsFunc(parts, redact.Default().Key) ||
		redact.Default().Key(strings.Join(parts, "."))
}

// hasSecret looks at a text as the program will see it.
func hasSecret(s string) bool {
	_, found := redact.Default().String(unescape(s))
	return found
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
