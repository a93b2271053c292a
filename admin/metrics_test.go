package admin

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

// sample is one line of an exposition.
type sample struct {
	family string
	series string // name and labels, unescaped, in the order given
	value  float64
}

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)`)
)

// parse reads Prometheus' text format by its grammar, more strictly than
// Prometheus itself: every family is complete, described and typed first.
func parse(text string) (all []sample, types map[string]string, err error) {
	if !utf8.ValidString(text) {
		return nil, nil, fmt.Errorf("not valid UTF-8: %q", text)
	}
	body, ok := strings.CutSuffix(text, "\n")
	if !ok && text != "" {
		return nil, nil, fmt.Errorf("the last line does not end")
	}
	types = map[string]string{}
	series := map[string]bool{}
	help, family := "", ""
	for line := range strings.SplitSeq(body, "\n") {
		if m := helpLine.FindStringSubmatch(line); m != nil {
			help = m[1]
			continue
		}
		if m := typeLine.FindStringSubmatch(line); m != nil {
			if family = m[1]; family != help || types[family] != "" {
				return nil, nil, fmt.Errorf("%q: described as %q, or there already", line, help)
			}
			types[family] = m[2]
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			return nil, nil, fmt.Errorf("no sample: %q", line)
		}
		name := m[1]
		if types[family] == "summary" {
			name = strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count")
		}
		if name != family || (types[family] == "counter") != strings.HasSuffix(name, "_total") {
			return nil, nil, fmt.Errorf("%q stands below %s %s", line, types[family], family)
		}
		key := m[1]
		for rest := m[2]; rest != ""; {
			l := labelPair.FindStringSubmatch(rest)
			if l == nil {
				return nil, nil, fmt.Errorf("no label: %q in %q", rest, line)
			}
			rest = rest[len(l[0]):]
			key += "|" + l[1] + "=" + strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(l[2])
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil || math.IsNaN(value) || series[key] {
			return nil, nil, fmt.Errorf("%q: %v, or the series is there already", line, err)
		}
		series[key] = true
		all = append(all, sample{family, key, value})
	}
	return all, types, nil
}

func TestMetrics(t *testing.T) {
	text := string(appendMetrics(nil, processors.Stats{
		Filtered: 1,
		Feedback: 2,
		Steps:    []processors.StepStats{{Name: "filter", Stopped: map[string]uint64{"filtered": 3, "sampled": 4}, Held: 5, HeldBytes: 6}},
		Exporters: []processors.ExporterStats{
			{
				Name: `a "b"`, Processor: "processors.Batch", Exporter: "file.Exporter", Accepted: 20, Delivered: 10,
				Dropped: map[string]uint64{"queue_full": 1, "poison": 2, "shutdown": 3}, Queued: 3, InFlight: 1, QueueCapacity: 8,
				Writes: 7, WriteTime: 1500 * time.Millisecond,
			},
			{Name: "simple", Processor: "processors.Simple", Exporter: "terminal.Exporter", Accepted: 1, Delivered: 1, Writes: 1},
		},
	}))
	samples, types, err := parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	const batch, file = `|otel_component_name=a "b"|otel_component_type=processors.Batch`, `|otel_component_name=a "b"|otel_component_type=file.Exporter`
	const simple, terminal = `|otel_component_name=simple|otel_component_type=processors.Simple`, `|otel_component_name=simple|otel_component_type=terminal.Exporter`
	want := map[string]float64{
		"otel_sdk_processor_log_queue_size" + batch:                                  3,
		"otel_sdk_processor_log_queue_capacity" + batch:                              8,
		"otel_sdk_processor_log_processed_total" + batch:                             12,
		"otel_sdk_processor_log_processed_total|error_type=queue_full" + batch:       1,
		"otel_sdk_processor_log_processed_total|error_type=already_shutdown" + batch: 3,
		"otel_sdk_processor_log_processed_total" + simple:                            1,
		"otel_sdk_exporter_log_inflight" + file:                                      1,
		"otel_sdk_exporter_log_inflight" + terminal:                                  0,
		"otel_sdk_exporter_log_exported_total" + file:                                10,
		"otel_sdk_exporter_log_exported_total|error_type=poison" + file:              2,
		"otel_sdk_exporter_log_exported_total" + terminal:                            1,
		"otel_sdk_exporter_operation_duration_seconds_sum" + file:                    1.5,
		"otel_sdk_exporter_operation_duration_seconds_count" + file:                  7,
		"otel_sdk_exporter_operation_duration_seconds_sum" + terminal:                0,
		"otel_sdk_exporter_operation_duration_seconds_count" + terminal:              1,
		"sluice_pipeline_filtered_total":                                             1,
		"sluice_pipeline_feedback_total":                                             2,
		"sluice_step_stopped_total|otel_component_name=filter|sluice_cause=filtered": 3,
		"sluice_step_stopped_total|otel_component_name=filter|sluice_cause=sampled":  4,
		"sluice_step_held|otel_component_name=filter":                                5,
		"sluice_step_held_size_bytes|otel_component_name=filter":                     6,
		"sluice_step_released_total|otel_component_name=filter":                      0,
		"sluice_step_refused_total|otel_component_name=filter":                       0,
		"sluice_step_added_total|otel_component_name=filter":                         0,
		"sluice_step_changed_total|otel_component_name=filter":                       0,
	}
	got := map[string]float64{}
	for _, s := range samples {
		got[s.series] = s.value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if types["otel_sdk_processor_log_queue_size"] != "gauge" || types["otel_sdk_exporter_operation_duration_seconds"] != "summary" {
		t.Errorf("types: %v", types)
	}
}

// Whatever a name or cause is made of, it comes out as it went in.
func FuzzMetrics(f *testing.F) {
	for _, name := range []string{"file", `a"b\c`, "a\nb", "a\\nb", "\xff", "{}", "é\u2028", `",x="`} {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, name, cause string) {
		text := string(appendMetrics(nil, processors.Stats{
			Steps:     []processors.StepStats{{Name: name, Stopped: map[string]uint64{cause: 1}}},
			Exporters: []processors.ExporterStats{{Name: name, Delivered: 1, QueueCapacity: 1}},
		}))
		samples, _, err := parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		want := "sluice_step_stopped_total|otel_component_name=" + valid(name) + "|sluice_cause=" + valid(cause)
		for _, s := range samples {
			if s.series == want && s.value == 1 {
				return
			}
		}
		t.Errorf("no series %q in\n%s", want, text)
	})
}
