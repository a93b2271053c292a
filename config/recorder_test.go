package config

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlightRecorder(t *testing.T) {
	dir := t.TempDir()
	rt := start(t, `
logger_provider:
  processors:
    - route:
        rules:
          - processors:
              - flight_recorder:
                  hold: {maximum_severity: warn4, not: {loggers: [shop.audit]}}
                  trigger: {attributes: {alarm: "*"}}
                  capacity: 2
                  max_bytes: 1MiB
                  per: logger
                  max_triggers_per_minute: 10
              - simple: {exporter: {file: {name: some, path: "`+filepath.Join(dir, "some")+`", format: text}}}
    - flight_recorder: {name: details}
    - simple: {exporter: {file: {name: all, path: "`+filepath.Join(dir, "all")+`", format: text}}}
`)
	cart, pay := rt.Logger("shop.cart"), rt.Logger("shop.pay")
	cart.Debug("one")
	cart.Info("two")
	cart.Warn("three")
	pay.Warn("four")
	rt.Logger("shop.audit").Info("five")
	cart.Info("six", "alarm", true)
	pay.Error("seven")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"some": "five two three six seven",
		"all":  "two three four five six one seven",
	} {
		var got []string
		for _, line := range lines(t, filepath.Join(dir, name)) {
			for word := range strings.FieldsSeq(line) {
				if strings.Contains(" one two three four five six seven ", " "+word+" ") {
					got = append(got, word)
				}
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var books []string
	for _, s := range rt.Stats().Steps {
		books = append(books, s.Name)
		if s.Held != 0 {
			t.Errorf("%+v", s)
		}
	}
	if diff := cmp.Diff([]string{"redact", "flight_recorder", "details"}, books); diff != "" {
		t.Error(diff)
	}
}

func TestFlightRecorderDefaults(t *testing.T) {
	for _, doc := range []string{"flight_recorder: ", "flight_recorder: {hold: , trigger: , per: process}"} {
		if _, err := Parse("F", []byte("file_format: \"1.1\"\nlogger_provider: {processors: [{"+doc+"}]}\n")); err != nil {
			var problems Errors
			errors.As(err, &problems)
			t.Errorf("%s: %v", doc, problems)
		}
	}
}
