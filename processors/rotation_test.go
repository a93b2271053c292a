//go:build linux

package processors_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"golang.org/x/sys/unix"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// TestLogCallsDoNotWaitForRotation holds a file up in its rotation, by keeping
// the lock that covers it, and logs on.
func TestLogCallsDoNotWaitForRotation(t *testing.T) {
	catchErrors(t)
	path := filepath.Join(t.TempDir(), "app.jsonl")
	cfg := file.DefaultConfig()
	cfg.Path, cfg.Shared, cfg.Rotation.MaxSize, cfg.Retention.MaxFiles = path, true, 4*exporters.KiB, file.KeepAll
	sink, err := file.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxQueueSize, c.MaxExportBatchSize = 20_000, 512 })
	p, err := processors.NewPipeline(processors.DefaultConfig(), b)
	if err != nil {
		t.Fatal(err)
	}

	lock, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".app.jsonl.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	l := p.Logger(record.Scope{Name: "x"})
	for i := range n { // would not return if a call waited for the file
		r := record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue(fmt.Sprintf("id=%d;", i))}
		_ = l.Emit(t.Context(), &r)
	}
	if s := b.Stats(); s.Accepted != n || s.Delivered != 0 {
		t.Errorf("while the file is held up: %+v", s)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "app*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	if len(files) < 100 || strings.Count(all.String(), "\n") != n {
		t.Errorf("%d lines in %d files, want %d in more than a hundred", strings.Count(all.String(), "\n"), len(files), n)
	}
	for i := range 200 {
		if id := fmt.Sprintf("id=%d;", i); strings.Count(all.String(), id) != 1 {
			t.Errorf("%s stands %d times", id, strings.Count(all.String(), id))
		}
	}
}
