package config

import (
	"fmt"
	"os"
	"strings"
)

// substituted is a scalar without references.
type substituted struct {
	text   string
	values []string // texts that came from the environment
	unset  []string // references that became nothing, without a default that says so
}

// substitute replaces the references to environment variables in one scalar,
// as https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution
// has it: "${NAME}", "${env:NAME}" and "${NAME:-default}"; "$$" stands for
// "$". What a variable holds is never looked at again, so that neither a
// reference nor a piece of YAML can come in with it.
func substitute(s string) (substituted, error) {
	if !strings.Contains(s, "$") {
		return substituted{text: s}, nil
	}
	var out substituted
	var b strings.Builder
	for {
		// An escape ends the stretch in which a reference may stand.
		stretch, rest, escaped := strings.Cut(s, "$$")
		for {
			text, ref, found := strings.Cut(stretch, "${")
			content, after, closed := strings.Cut(ref, "}")
			if !found || !closed || content == "" {
				b.WriteString(stretch)
				break
			}
			b.WriteString(text)
			value, fromEnv, err := lookup(content)
			if err != nil {
				return substituted{}, err
			}
			switch {
			case fromEnv:
				out.values = append(out.values, value)
			case value == "" && !strings.Contains(content, ":-"):
				out.unset = append(out.unset, "${"+content+"}")
			}
			b.WriteString(value)
			stretch = after
		}
		if !escaped {
			out.text = b.String()
			return out, nil
		}
		b.WriteByte('$')
		s = rest
	}
}

// lookup resolves what stands between "${" and "}".
func lookup(content string) (value string, fromEnv bool, err error) {
	name, fallback, ok := parseReference(content)
	if !ok {
		name, fallback, ok = parseReference(strings.TrimPrefix(content, "env:"))
	}
	if !ok {
		return "", false, fmt.Errorf("${%s} is no reference to an environment variable", content)
	}
	if value = os.Getenv(name); value != "" {
		return value, true, nil
	}
	return fallback, false, nil
}

func parseReference(s string) (name, fallback string, ok bool) {
	i := 0
	for i < len(s) && (s[i] == '_' || isAlpha(s[i]) || (i > 0 && isDigit(s[i]))) {
		i++
	}
	name, rest := s[:i], s[i:]
	if name == "" {
		return "", "", false
	}
	if rest == "" {
		return name, "", true
	}
	fallback, ok = strings.CutPrefix(rest, ":-")
	return name, fallback, ok && !strings.Contains(fallback, "\n")
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
