package config

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// secrets are the values that came from the environment. Anything there may
// be a password: what is read from a variable never shows in an error, where
// the reference to the variable stands in its place.
type secrets []secret

type secret struct{ value, reference string }

func (s *secrets) add(source, text string, values []string) {
	*s = append(*s, secret{text, source})
	for _, v := range values {
		*s = append(*s, secret{v, source})
	}
}

// hide replaces the secrets in a message.
func (s secrets) hide(msg string) string {
	// The longest first, so that no rest of one is left behind by another.
	ordered := slices.Clone(s)
	slices.SortStableFunc(ordered, func(a, b secret) int { return len(b.value) - len(a.value) })
	for _, sec := range ordered {
		quoted := strconv.Quote(sec.value)
		for _, form := range []string{sec.value, quoted[1 : len(quoted)-1], strings.TrimSpace(sec.value)} {
			msg = replaceWord(msg, form, sec.reference)
		}
		// Paths lose their detours before they are used.
		if clean := filepath.Clean(sec.value); len(clean) >= minSecret {
			msg = replaceWord(msg, clean, sec.reference)
		}
	}
	return msg
}

// tells reports whether a message that hide has seen still holds a piece of
// the external value n, three bytes of it or more.
func tells(msg string, n *node) bool {
	msg = strings.ReplaceAll(msg, n.source, "")
	for i := range len(n.text) - 2 {
		if strings.Contains(msg, n.text[i:i+3]) {
			return true
		}
	}
	return false
}

// minSecret is the length from which a text is replaced wherever it stands.
const minSecret = 4

// replaceWord replaces a text in a message; a very short one, which may be
// part of any word, only where it stands alone.
func replaceWord(msg, text, by string) string {
	if len(text) >= minSecret {
		return strings.ReplaceAll(msg, text, by)
	}
	if text == "" {
		return msg
	}
	var b strings.Builder
	for {
		i := strings.Index(msg, text)
		if i < 0 {
			b.WriteString(msg)
			return b.String()
		}
		end := i + len(text)
		b.WriteString(msg[:i])
		if (i > 0 && isWord(msg[i-1])) || (end < len(msg) && isWord(msg[end])) {
			b.WriteString(text)
		} else {
			b.WriteString(by)
		}
		msg = msg[end:]
	}
}

func isWord(c byte) bool { return c == '_' || isAlpha(c) || isDigit(c) || c >= 0x80 }
