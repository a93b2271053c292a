package settings

import (
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// minEcho is the shortest value that a Cleaner looks for, in bytes: shorter
// ones are no secrets, and would be found in the middle of words.
const minEcho = 6

// Cleaner makes texts of servers fit for errors. Servers like to repeat the
// credentials they refuse.
type Cleaner struct{ secrets *strings.Replacer }

// NewCleaner returns a Cleaner that hides the values of headers, and the parts
// of those that have several: "Bearer" and a token.
func NewCleaner(headers map[string]exporters.Secret) Cleaner {
	var pairs []string
	hide := func(s string) {
		if len(s) >= minEcho {
			pairs = append(pairs, s, exporters.Secret(s).String())
		}
	}
	for _, value := range headers {
		whole := value.Reveal()
		hide(whole) // first: a Replacer takes the first of several that fit
		if scheme, token, ok := strings.Cut(whole, " "); ok && scheme != "" {
			hide(strings.TrimSpace(token))
		}
	}
	return Cleaner{strings.NewReplacer(pairs...)}
}

// Clean returns s without secrets, in one bounded line of printable characters.
func (c Cleaner) Clean(s string) string { return httpclient.Words(c.secrets.Replace(s)) }
