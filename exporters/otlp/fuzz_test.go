package otlp_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/otlp"
)

// An endpoint that is taken is a URL to send to, and an error shows nothing of
// one that is not.
func FuzzEndpoint(f *testing.F) {
	f.Add("http://localhost:4318/v1/logs")
	f.Add("https://[::1]:4318/?key=hunter2")
	f.Add("https://me:hunter2hunter2@collector#x")
	f.Add("localhost:4318")
	f.Fuzz(func(t *testing.T, endpoint string) {
		if endpoint == "" {
			return
		}
		c := otlp.DefaultConfig()
		c.Endpoint = endpoint
		err := c.Validate()
		if err != nil {
			// An error may show an example, of which an endpoint may be a part.
			text := strings.ReplaceAll(err.Error(), "http://collector:4318/v1/logs", "")
			if len(endpoint) > 12 && strings.Contains(text, endpoint) {
				t.Errorf("%v shows %q", err, endpoint)
			}
			return
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("took %q", endpoint)
		}
	})
}
