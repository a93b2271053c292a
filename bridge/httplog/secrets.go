package httplog

import (
	"net/url"
	"slices"
	"strings"
)

// redacted stands for a secret.
const redacted = "[REDACTED]"

// signatures are query parameters that the semantic conventions for url.query
// want redacted.
var signatures = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"}

func redactPath(path string) string { return path }

// redactQuery replaces the values of parameters whose name or value says that
// they are secret. Everything else stays as it was sent.
func redactQuery(query string) string {
	if query == "" {
		return ""
	}
	var b strings.Builder
	for rest := query; rest != ""; {
		end := strings.IndexAny(rest, "&;")
		param, sep := rest, ""
		if end >= 0 {
			param, sep = rest[:end], rest[end:end+1]
		}
		rest = rest[len(param)+len(sep):]
		name, value, has := strings.Cut(param, "=")
		if has && value != "" && secretParameter(name, value) {
			param = name + "=" + redacted
		}
		b.WriteString(param)
		b.WriteString(sep)
	}
	return b.String()
}

func secretParameter(name, value string) bool {
	if unescaped, err := url.QueryUnescape(name); err == nil {
		name = unescaped
	}
	if slices.Contains(signatures, name) {
		return true
	}
	return false
}
