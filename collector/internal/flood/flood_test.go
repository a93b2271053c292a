package flood

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// taken floods next until it stops it and returns what was printed.
func taken(t *testing.T, next func(plog.Logs) error, d time.Duration) (line string) {
	t.Helper()
	var out bytes.Buffer
	f := newFactory(&out)
	sink, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error { return next(logs) })
	if err != nil {
		t.Fatal(err)
	}
	cfg := &Config{Goroutines: 2, Batch: 3, Duration: d}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	<-r.(*flood).ended
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCountsWhatIsTaken(t *testing.T) {
	var got atomic.Int64
	line := taken(t, func(logs plog.Logs) error {
		got.Add(int64(logs.LogRecordCount()))
		return nil
	}, 10*time.Millisecond)
	var records int64
	var seconds float64
	if _, err := fmt.Sscan(line, &records, &seconds); err != nil || records != got.Load() || records == 0 || seconds <= 0 {
		t.Errorf("%q (%v) after %d records", line, err, got.Load())
	}
}

func TestStopsAtError(t *testing.T) {
	line := taken(t, func(plog.Logs) error { return errors.New("full") }, time.Hour)
	if !strings.HasPrefix(line, "0 ") || !strings.HasSuffix(line, " full\n") {
		t.Errorf("%q", line)
	}
}
