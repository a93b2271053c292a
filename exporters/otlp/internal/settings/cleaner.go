package settings

import (
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// NewCleaner returns a Cleaner for texts of servers that hides the values of
// headers, and the second part of those that have two: the token of "Bearer".
func NewCleaner(headers map[string]exporters.Secret) httpclient.Cleaner {
	var values, tokens []string
	for _, value := range headers {
		values = append(values, value.Reveal())
		if scheme, token, ok := strings.Cut(value.Reveal(), " "); ok && scheme != "" {
			tokens = append(tokens, strings.TrimSpace(token))
		}
	}
	return httpclient.NewCleaner(append(values, tokens...)...)
}
