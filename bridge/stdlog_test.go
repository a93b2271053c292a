package bridge

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"testing"
)

// setDefault makes l slog's default for one test, and gives the standard
// logger back what SetDefault takes from it.
func setDefault(t *testing.T, l *slog.Logger) {
	t.Helper()
	before, w, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(l)
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(w)
		log.SetFlags(flags)
	})
}

func TestStandardLog(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		setDefault(t, NewLogger("default", tl.opt))
		log.Print("from the standard log")
		slog.Warn("from slog", "a", 1)
		slog.NewLogLogger(NewHandler("server", tl.opt), slog.LevelError).Println("from http.Server")
		var got []string
		for _, r := range tl.take() {
			got = append(got, r.Level()+" "+r.Logger()+" "+r.Body.AsString())
		}
		want := "INFO default from the standard log|WARN default from slog|ERROR server from http.Server"
		if strings.Join(got, "|") != want {
			t.Errorf("records:\n got %s\nwant %s", strings.Join(got, "|"), want)
		}
	})
}

// OpenTelemetry's error handler prints with package log unless one is set:
// what the bridge reports comes back as a record, once and without a deadlock.
func TestReportsThroughStandardLog(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		handleErrors(t).next = func(err error) { log.Print(err) }
		setDefault(t, NewLogger("default", tl.opt))
		for range 2 {
			slog.InfoContext(context.Background(), "m", "v", panicValuer{})
		}
		var got []string
		for _, r := range tl.take() {
			got = append(got, r.Body.AsString())
		}
		if len(got) != 3 || got[0] != "m" || !strings.Contains(got[1], "bridge.panicValuer panicked") || got[2] != "m" {
			t.Errorf("records: %q", got)
		}
	})
}
