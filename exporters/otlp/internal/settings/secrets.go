package settings

import (
	"net/url"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
)

// ShownPath is up to how many bytes a segment of an endpoint's path shows in
// errors. What is longer may be a key: the words of paths are shorter, keys
// that could not be guessed are not.
const ShownPath = 15

// Secrets returns what must not show in an error: the values of headers, the
// query of an endpoint, if it is a URL, and the long segments of its path.
func Secrets(headers map[string]exporters.Secret, endpoint *url.URL) []string {
	list := quote.HeaderSecrets(headers)
	if endpoint != nil {
		list = append(list, quote.QuerySecrets(endpoint)...)
		list = append(list, quote.PathSecrets(endpoint, ShownPath+1)...)
	}
	return list
}
