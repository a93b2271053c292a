package httpclient_test

import (
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

func TestCheckHeader(t *testing.T) {
	for _, name := range []string{"Authorization", "x-api-key", "X_1.~!"} {
		if err := httpclient.CheckHeader(name, "Bearer a\tb"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                  `"" is no name of a header`,
		"a b":               `"a b" is no name of a header`,
		"a:":                `"a:" is no name of a header`,
		"ä":                 `"ä" is no name of a header`,
		"Content-Length":    "Content-Length: the exporter sets it by itself",
		"transfer-encoding": "transfer-encoding: the exporter sets it by itself",
	} {
		if err := httpclient.CheckHeader(name, "x"); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	for _, value := range []string{"hunter2\r\nX-Evil: x", "hunter2\x00", "hunter2\x7f"} {
		err := httpclient.CheckHeader("a", exporters.Secret(value))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", value, err)
		}
	}
}
