package encode_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// TestPrettyIndent: what a stack trace indents with tabs stays readable where
// its lines are records of their own; a tab within a line stays visible.
func TestPrettyIndent(t *testing.T) {
	r := record.Record{Body: attribute.StringValue("\t\t/app/x.go:5\t+0x1d")}
	out := string(encode.Pretty(encode.Options{}).Append(nil, &r))
	if want := "        /app/x.go:5\\t+0x1d\n"; !strings.HasSuffix(out, want) {
		t.Errorf("have %q, want it to end in %q", out, want)
	}
}
