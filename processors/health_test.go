package processors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// fault is an exporter's error, which comes and goes.
type fault struct{ err atomic.Pointer[error] }

func (f *fault) set(err error) { f.err.Store(&err) }

func (f *fault) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func TestHealth(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		var mailErr, fileErr fault
		mail := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			if err := mailErr.get(); err != nil {
				return 0, err
			}
			return 1, nil
		}}
		file := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			if err := fileErr.get(); err != nil {
				return 0, err
			}
			return len(recs), nil
		}}
		p, err := processors.NewPipeline(processors.DefaultConfig(),
			newSimple(t, mail, "mail", nil),
			newBatch(t, file, func(c *processors.BatchConfig) { c.Name = "file" }))
		if err != nil {
			t.Fatal(err)
		}
		l := p.Logger(record.Scope{Name: "app"})
		want := func(when string, status processors.HealthStatus, causes ...string) {
			t.Helper()
			h := p.Health()
			var got []string
			for _, c := range h.Causes {
				got = append(got, c.String())
			}
			if h.Status != status || len(got) != len(causes) {
				t.Errorf("%s: %s %q, want %s %q", when, h.Status, got, status, causes)
				return
			}
			for i, c := range causes {
				if !strings.Contains(got[i], c) {
					t.Errorf("%s: cause %q, want %q", when, got[i], c)
				}
			}
			if (h.Err() == nil) != (status == processors.HealthOK) {
				t.Errorf("%s: Err() = %v", when, h.Err())
			}
		}
		log := func() {
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
			time.Sleep(10 * time.Second)
		}
		want("nothing written yet", processors.HealthOK)
		log()
		want("all well", processors.HealthOK)

		mailErr.set(errors.New("no route to host\nsecond line"))
		log()
		want("mail failed", processors.HealthDegraded, "exporter mail: no route to host", "mail: 1 record dropped (error 1) since the start, the latest 10s ago")
		mailErr.set(nil)
		log()
		want("mail is back", processors.HealthDegraded, "exporter mail: 1 record dropped (error 1) since the start, the latest 20s ago")
		time.Sleep(40 * time.Second)
		want("a minute later", processors.HealthOK)

		// A batch that is tried again loses nothing, but does not get through.
		fileErr.set(errors.New("disk full"))
		log()
		want("file fails", processors.HealthDegraded, "exporter file: disk full")
		time.Sleep(time.Hour)
		want("one of two fails for long", processors.HealthDegraded, "exporter file: disk full")
		mailErr.set(errors.New("no route"))
		log()
		want("both fail", processors.HealthDegraded, "mail: no route", "mail: 2 records dropped", "file: disk full")
		time.Sleep(50 * time.Second)
		want("both fail for a minute", processors.HealthFailed, "mail: no route", "file: disk full")
		fileErr.set(nil)
		time.Sleep(10 * time.Second)
		want("file is back", processors.HealthDegraded, "mail: no route")
		mailErr.set(nil)
		log()
		want("all are back", processors.HealthOK)
		shutdown(t, p)
		want("shut down", processors.HealthFailed, "the pipeline was shut down")
	})
}

// What a full queue drops is remembered for a minute or a little longer, and a
// flood of drops as long as it lasts.
func TestHealthAfterDrops(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, func(c *processors.BatchConfig) {
			c.ExportTimeout = exporters.Unlimited
			c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 1, 1, processors.DropNewest
		}))
		l := p.Logger(record.Scope{})
		for range 90 { // the first one is in flight
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
			time.Sleep(time.Second)
		}
		h := p.Health()
		if h.Status != processors.HealthDegraded || !strings.Contains(h.Err().Error(), "89 records dropped (queue_full 89)") {
			t.Errorf("after a flood: %v", h)
		}
		time.Sleep(59 * time.Second)
		if h := p.Health(); h.Status != processors.HealthDegraded {
			t.Errorf("a minute later: %v", h)
		}
		time.Sleep(11 * time.Second)
		if h := p.Health(); h.Status != processors.HealthOK {
			t.Errorf("70s later: %v", h)
		}
		release()
	})
}

// A write that does not come back is a failure, although nobody has seen an
// error yet.
func TestHealthOfAStuckExporter(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, func(c *processors.BatchConfig) {
			c.ExportTimeout = exporters.Duration(10 * time.Second)
		}))
		_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityFatal})
		time.Sleep(9 * time.Second)
		if h := p.Health(); h.Status != processors.HealthOK {
			t.Errorf("before the timeout: %v", h)
		}
		time.Sleep(2 * time.Second)
		if h := p.Health(); h.Status != processors.HealthDegraded || !strings.Contains(h.Err().Error(), "export_timeout") {
			t.Errorf("behind the timeout: %v", h)
		}
		time.Sleep(time.Minute)
		if h := p.Health(); h.Status != processors.HealthFailed {
			t.Errorf("stuck for a minute: %v", h)
		}
		release()
		synctest.Wait()
		if h := p.Health(); h.Status != processors.HealthOK {
			t.Errorf("released: %v", h)
		}
	})
}

// badError is an error that cannot even be printed.
type badError struct{}

func (badError) Error() string { panic("x") }

// What statistics, health and the error handler say of an exporter's error has
// no secrets in it, and an end.
func TestFailuresAreTold(t *testing.T) {
	const secret = "hunter2-Zx9"
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"secret": {fmt.Errorf("dial: https://bob:%s@example.com/: %w", secret, errors.New("Authorization: Bearer "+secret)), "dial: https://bob:"},
		"long":   {errors.New(strings.Repeat("x", 1<<20)), "xxx"},
		"empty":  {errors.New(""), ""},
		"panics": {badError{}, "Error method"},
	} {
		for _, kind := range []string{"batch", "simple"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				h := catchErrors(t)
				synctest.Test(t, func(t *testing.T) {
					sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
						return 0, exporters.Permanent(tc.err)
					}}
					var step processors.Processor = newSimple(t, sink, "x", nil)
					if kind == "batch" {
						shutdown(t, step)
						step = newBatch(t, sink, nil)
					}
					p := newPipeline(t, processors.DefaultConfig(), step)
					_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityFatal})
					synctest.Wait()
					for what, text := range map[string]string{
						"LastError": p.Stats().Exporters[0].LastError, "Health": p.Health().Err().Error(), "the error handler": h.String(),
					} {
						if strings.Contains(text, secret) || len(text) > 20<<10 || !strings.Contains(text, tc.want) {
							t.Errorf("%s: %d bytes: %.500s", what, len(text), text)
						}
					}
				})
			})
		}
	}
}
