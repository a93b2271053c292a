package httpclient

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
)

// own are the headers that say how a request is framed and encoded.
var own = []string{
	"connection", "content-encoding", "content-length", "content-type", "host", "te", "trailer",
	"transfer-encoding", "upgrade",
}

// CheckHeader reports a header that users may not set, or whose value could
// smuggle in another one. The error does not show the value.
func CheckHeader(name string, value exporters.Secret) error {
	if !IsToken(name) {
		return fmt.Errorf("%q is no name of a header", name)
	}
	if slices.Contains(own, strings.ToLower(name)) {
		return fmt.Errorf("%s: the exporter sets it by itself", name)
	}
	if strings.ContainsFunc(value.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return errors.New(name + ": the value has control characters in it")
	}
	return nil
}

// IsToken reports whether s is a token of RFC 9110 section 5.6.2.
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
				return false
			}
		}
	}
	return s != ""
}

// minEcho is the shortest text that a Cleaner looks for, in bytes: shorter
// ones are no secrets, and would be found in the middle of words.
const minEcho = 6

// Cleaner makes texts of servers fit for errors. Servers like to repeat the
// credentials they refuse.
type Cleaner struct{ secrets *strings.Replacer }

// NewCleaner returns a Cleaner that hides secrets.
func NewCleaner(secrets ...string) Cleaner {
	// Of those that begin alike a Replacer takes the first: it must not leave
	// the rest of a longer one.
	secrets = slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, s := range secrets {
		if len(s) >= minEcho {
			pairs = append(pairs, s, exporters.Secret(s).String())
		}
	}
	return Cleaner{strings.NewReplacer(pairs...)}
}

// Clean returns s without secrets, in one bounded line of printable characters.
func (c Cleaner) Clean(s string) string { return Words(c.secrets.Replace(s)) }
