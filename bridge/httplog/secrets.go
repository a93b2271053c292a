package httplog

import (
	"net/url"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/redact"
)

// maxURL bounds the bytes of a URL that are searched for secrets. It is more
// than is logged, so that none is cut before it is recognized.
const maxURL = 2 * maxText

// signatures are query parameters that the semantic conventions for url.query
// want redacted.
var signatures = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"}

func redactPath(path string) string {
	path, _ = redact.Default().String(cut(path, maxURL))
	return cut(path, maxText)
}

// redactQuery replaces the values of parameters whose name or value says that
// they are secret. Everything else stays as it was sent.
func redactQuery(query string) string {
	query = cut(query, maxURL)
	var b strings.Builder
	for query != "" {
		end := strings.IndexAny(query, "&;")
		if end < 0 {
			end = len(query)
		}
		name, value, _ := strings.Cut(query[:end], "=")
		if value != "" && secretParameter(name, value) {
			b.WriteString(name)
			b.WriteByte('=')
			b.WriteString(redact.DefaultReplacement)
		} else {
			b.WriteString(query[:end])
		}
		if end < len(query) {
			b.WriteByte(query[end])
			end++
		}
		query = query[end:]
	}
	return cut(b.String(), maxText)
}

// secretParameter looks at a parameter as the program will see it.
func secretParameter(name, value string) bool {
	name, value = unescape(name), unescape(value)
	if slices.Contains(signatures, name) || redact.Default().Key(name) {
		return true
	}
	_, found := redact.Default().String(value)
	return found
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
