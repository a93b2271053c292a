package httpclient

import (
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
