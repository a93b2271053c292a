package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/seed2f724858/sluice/processors"
)

// exposition is the content type of Prometheus' text format
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
const exposition = "text/plain; version=0.0.4; charset=utf-8"

// Metrics serves the pipeline's books in Prometheus' text format, for programs
// that have no MeterProvider: [processors.Stats.Metrics] under the names that
// OpenTelemetry's rules make of them, and the duration of exports as a summary
// without quantiles.
func Metrics(src Source) http.Handler {
	return readOnly(func(w http.ResponseWriter) {
		send(w, http.StatusOK, exposition, appendMetrics(nil, src.Stats()))
	})
}

func appendMetrics(b []byte, s processors.Stats) []byte {
	for _, m := range s.Metrics() {
		if len(m.Points) == 0 {
			continue
		}
		name, typ := metricName(m.Name, m.Unit), "gauge"
		if m.Monotonic {
			name, typ = name+"_total", "counter"
		}
		b = appendHead(b, name, typ, m.Description)
		for _, p := range m.Points {
			b = appendLabels(append(b, name...), p.Attributes)
			b = append(strconv.AppendInt(append(b, ' '), p.Value, 10), '\n')
		}
	}
	return appendDurations(b, s.Exporters)
}

func appendDurations(b []byte, all []processors.ExporterStats) []byte {
	if len(all) == 0 {
		return b
	}
	var m otelconv.SDKExporterOperationDuration
	name := metricName(m.Name(), m.Unit())
	b = appendHead(b, name, "summary", m.Description())
	for _, e := range all {
		labels := attribute.NewSet(m.AttrComponentName(e.Name), m.AttrComponentType(otelconv.ComponentTypeAttr(e.Exporter)))
		b = appendLabels(append(append(b, name...), "_sum"...), labels)
		b = append(strconv.AppendFloat(append(b, ' '), e.WriteTime.Seconds(), 'g', -1, 64), '\n')
		b = appendLabels(append(append(b, name...), "_count"...), labels)
		b = append(strconv.AppendUint(append(b, ' '), e.Writes, 10), '\n')
	}
	return b
}

// metricName applies OpenTelemetry's rules for Prometheus
// (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/):
// underscores for dots, and the unit at the end unless it is a mere annotation.
func metricName(name, unit string) string {
	name = strings.ReplaceAll(name, ".", "_")
	if word := map[string]string{"By": "bytes", "s": "seconds"}[unit]; word != "" {
		name += "_" + word
	}
	return name
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func appendHead(b []byte, name, typ, help string) []byte {
	return fmt.Appendf(b, "# HELP %s %s\n# TYPE %s %s\n", name, helpEscapes.Replace(help), name, typ)
}

func appendLabels(b []byte, attrs attribute.Set) []byte {
	if attrs.Len() == 0 {
		return b
	}
	labels := make([]string, 0, attrs.Len())
	for _, kv := range attrs.ToSlice() {
		key := strings.ReplaceAll(string(kv.Key), ".", "_")
		// The names of exporters and steps are the user's: any text.
		value := labelEscapes.Replace(strings.ToValidUTF8(kv.Value.AsString(), "\uFFFD"))
		labels = append(labels, key+`="`+value+`"`)
	}
	slices.Sort(labels)
	return append(append(append(b, '{'), strings.Join(labels, ",")...), '}')
}
