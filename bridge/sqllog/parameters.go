package sqllog

import (
	"database/sql/driver"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/redact"
)

const (
	maxParameters = 64  // in a record
	maxParameter  = 256 // bytes of one
)

// appendParameters appends db.query.parameter.KEY for the first parameters.
// secretNamed tells that the statement names something secret, which any text
// may be meant for: a parameter's own name need not say so (":p").
func appendParameters(attrs []slog.Attr, args []driver.NamedValue, secretNamed bool) []slog.Attr {
	for i, a := range args[:min(len(args), maxParameters)] {
		key := a.Name
		if key == "" {
			key = strconv.Itoa(i)
		}
		text, isText := parameterText(a.Value)
		if secretKey(a.Name) || isText && secretNamed {
			text = redact.DefaultReplacement
		}
		kv := semconv.DBQueryParameter(key, cut(redactText(cut(text, maxRead)), maxParameter))
		attrs = append(attrs, slog.String(string(kv.Key), kv.Value.AsString()))
	}
	return attrs
}

// parameterText returns a parameter as text, and whether it could be anything,
// as texts can. Of types that only the driver knows, the name must
// do: their methods are not called.
func parameterText(v driver.Value) (text string, isText bool) {
	switch v := v.(type) {
	case nil:
		return "NULL", false
	case string:
		return v, true
	case []byte:
		return "<" + strconv.Itoa(len(v)) + " bytes>", false
	case int64:
		return strconv.FormatInt(v, 10), false
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), false
	case bool:
		return strconv.FormatBool(v), false
	case time.Time:
		return v.Format(time.RFC3339Nano), false
	}
	return fmt.Sprintf("<%T>", v), false
}

// operationName returns a statement's first word.
func operationName(masked string) string {
	masked = strings.TrimLeft(masked, " \t\r\n(;")
	if n := run(masked[:min(len(masked), 32)], inWord); n > 0 {
		return strings.ToUpper(masked[:n])
	}
	return "SQL"
}

// secretNamed reports whether one of the statement's names is that of a secret.
func (r *reading) secretNamed() bool { return slices.ContainsFunc(r.words, secretKey) }

func secretKey(name string) bool { return redact.Default().Key(name) }

func redactText(text string) string {
	text, _ = redact.Default().String(text)
	return text
}
