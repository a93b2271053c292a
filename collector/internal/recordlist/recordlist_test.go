package recordlist

import (
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
)

func start(t *testing.T, cfg Config) exporter.Logs {
	t.Helper()
	f := NewFactory()
	e, err := f.CreateLogs(t.Context(), exportertest.NewNopSettings(f.Type()), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	return e
}

func stop(t *testing.T, e exporter.Logs) {
	t.Helper()
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestListsIDs(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "ids"), Fsync: true}
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty().Attributes().PutInt("id", 7)
	records.AppendEmpty().Attributes().PutStr("id", "a")
	records.AppendEmpty()

	e := start(t, cfg)
	if err := e.ConsumeLogs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	stop(t, e)
	e = start(t, cfg) // appends
	if err := e.ConsumeLogs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	stop(t, e)
	if got, want := content(t, cfg.Path), "7\na\n-\n7\na\n-\n"; got != want {
		t.Errorf("list %q, want %q", got, want)
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Path: filepath.Join(dir, "ids"), RefuseWhile: filepath.Join(dir, "refuse")}
	if err := os.WriteFile(cfg.RefuseWhile, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	e := start(t, cfg)
	if err := e.ConsumeLogs(t.Context(), logs); err == nil {
		t.Error("nothing refused")
	}
	if err := os.Remove(cfg.RefuseWhile); err != nil {
		t.Fatal(err)
	}
	if err := e.ConsumeLogs(t.Context(), logs); err != nil {
		t.Error(err)
	}
	stop(t, e)
	if got, want := content(t, cfg.Path), "-\n"; got != want {
		t.Errorf("list %q, want %q", got, want)
	}
}

// A torn id must neither be read as an id nor swallow the next one.
func TestCutsTornLine(t *testing.T) {
	for torn, want := range map[string]string{"": "", "12": "", "1\n": "1\n", "1\n23\n4": "1\n23\n"} {
		cfg := Config{Path: filepath.Join(t.TempDir(), "ids")}
		if err := os.WriteFile(cfg.Path, []byte(torn), 0o640); err != nil {
			t.Fatal(err)
		}
		stop(t, start(t, cfg))
		if got := content(t, cfg.Path); got != want {
			t.Errorf("%q became %q, want %q", torn, got, want)
		}
	}
}
