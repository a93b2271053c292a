// Package sinktest holds the conformance suite that every destination passes,
// and two sinks for tests of what stands in front of destinations.
package sinktest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// Options describe the destination under test.
type Options struct {
	// New returns a fresh sink, and a function that returns what has arrived
	// at its destination, in order, by the ids that [IDs] finds there. The
	// function is nil when the destination keeps nothing.
	New func(t testing.TB) (s exporters.Sink, read func() []string)
	// Lossy tells that the destination cannot carry the records of [Hostile]
	// whole; then it need only survive them.
	Lossy bool
}

// hang bounds what must not block; reached only when a test fails.
const hang = 30 * time.Second

// Run runs the suite.
func Run(t *testing.T, o Options) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, *subject)
	}{
		{"Delivery", delivery},
		{"BorrowsRecords", borrows},
		{"Concurrent", concurrent},
		{"Hostile", hostile},
		{"Cancelled", cancelled},
		{"Closed", closed},
		{"ShutdownDuringWrite", shutdownDuringWrite},
		{"UnderTheSDK", underTheSDK},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			// At the very end, when servers that New has started are closed.
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			ctx, cancel := context.WithTimeout(context.Background(), hang)
			defer cancel()
			sink, read := o.New(t)
			c.run(t, &subject{Sink: sink, read: read, ctx: ctx, lossy: o.Lossy})
			if err := sink.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown at the end: %v", err)
			}
		})
	}
}

type subject struct {
	exporters.Sink
	read  func() []string
	ctx   context.Context
	lossy bool
}

func (s *subject) write(t *testing.T, recs []record.Record) {
	t.Helper()
	n, err := s.Write(s.ctx, recs)
	if n != len(recs) || err != nil {
		t.Fatalf("Write of %d records = %d, %v", len(recs), n, err)
	}
}

// arrived returns the ids at the destination; ok is false when it keeps none.
func (s *subject) arrived(t *testing.T) (ids []string, ok bool) {
	t.Helper()
	if err := s.ForceFlush(s.ctx); err != nil {
		t.Fatalf("ForceFlush: %v", err)
	}
	if s.read == nil {
		return nil, false
	}
	return s.read(), true
}

func (s *subject) wantSeries(t *testing.T, series string, n int) {
	t.Helper()
	got, ok := s.arrived(t)
	if !ok {
		return
	}
	if want := series0(series, n); !slices.Equal(got, want) {
		t.Errorf("arrived: %s", difference(got, want))
	}
}

func series0(series string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = ID(series, i)
	}
	return ids
}

func delivery(t *testing.T, s *subject) {
	s.write(t, nil)
	s.write(t, []record.Record{})
	next := 0
	for _, n := range []int{1, 2, 100, 1, 512} {
		s.write(t, Records("seq", next, n))
		next += n
	}
	s.wantSeries(t, "seq", next)
	if err := s.ForceFlush(s.ctx); err != nil {
		t.Errorf("second ForceFlush: %v", err)
	}
	s.wantSeries(t, "seq", next)
}

// borrows checks that records are neither changed nor kept.
func borrows(t *testing.T, s *subject) {
	recs := Records("mine", 0, 50)
	recs[7].Attributes = append(recs[7].Attributes, attribute.Int("size", 9)) // a duplicate key must stay
	before := make([]record.Record, len(recs))
	for i := range recs {
		before[i] = recs[i].Clone()
	}
	s.write(t, recs)
	for i := range recs {
		if !equal(&recs[i], &before[i]) {
			t.Fatalf("Write changed record %d:\n%+v\nwas\n%+v", i, recs[i], before[i])
		}
	}
	poisoned := Record(ID("poison", 0))
	for i := range recs {
		for j := range recs[i].Attributes {
			recs[i].Attributes[j] = attribute.String("poison", ID("poison", 1))
		}
		recs[i] = poisoned
	}
	s.wantSeries(t, "mine", 50)
}

func equal(a, b *record.Record) bool {
	return slices.Equal(a.Attributes, b.Attributes) && a.Body == b.Body &&
		a.Timestamp.Equal(b.Timestamp) && a.Observed.Equal(b.Observed) &&
		a.Severity == b.Severity && a.SeverityText == b.SeverityText &&
		a.EventName == b.EventName && a.Dropped == b.Dropped &&
		a.TraceID == b.TraceID && a.SpanID == b.SpanID && a.TraceFlags == b.TraceFlags &&
		a.Origin == b.Origin
}

func concurrent(t *testing.T, s *subject) {
	const batches, size = 20, 10
	names := []string{"a", "b", "c", "d"}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			for i := range batches {
				recs := Records(name, i*size, size)
				if n, err := s.Write(s.ctx, recs); n != size || err != nil {
					t.Errorf("Write = %d, %v", n, err)
					return
				}
			}
		})
		wg.Go(func() {
			if err := s.ForceFlush(s.ctx); err != nil {
				t.Errorf("ForceFlush: %v", err)
			}
		})
	}
	wg.Wait()
	got, ok := s.arrived(t)
	if !ok {
		return
	}
	if want := len(names) * batches * size; len(got) != want {
		t.Errorf("%d records arrived, want %d", len(got), want)
	}
	for _, name := range names {
		var own []string
		for _, id := range got {
			if id[:len("id-")+1] == "id-"+name {
				own = append(own, id)
			}
		}
		if want := series0(name, batches*size); !slices.Equal(own, want) {
			t.Errorf("goroutine %s: %s", name, difference(own, want))
		}
	}
}

func hostile(t *testing.T, s *subject) {
	recs := Hostile()
	if s.lossy {
		if _, err := s.Write(s.ctx, recs); err != nil {
			t.Logf("Write: %v", err)
		}
	} else {
		s.write(t, recs)
	}
	s.write(t, Records("after", 0, 3))
	got, ok := s.arrived(t)
	if !ok {
		return
	}
	want := append(series0("hostile", len(recs)), series0("after", 3)...)
	if s.lossy {
		got, want = got[max(0, len(got)-3):], want[len(recs):]
	}
	if !slices.Equal(got, want) {
		t.Errorf("arrived: %s", difference(got, want))
	}
}

// cancelled checks that a Write whose ctx is done returns, and that sending
// the rest again delivers every record once.
func cancelled(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	recs := Records("late", 0, 10)
	var n int
	var err error
	within(t, "Write with a cancelled context", func() { n, err = s.Write(ctx, recs) })
	if (err == nil) != (n == len(recs)) {
		t.Fatalf("Write with a cancelled context = %d of %d, %v", n, len(recs), err)
	}
	if err != nil {
		if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
			t.Fatalf("cancellation must leave the records worth another try, is %v", err)
		}
		s.write(t, recs[n:])
	}
	s.wantSeries(t, "late", len(recs))
}

func closed(t *testing.T, s *subject) {
	s.write(t, Records("open", 0, 3))
	if err := s.Shutdown(s.ctx); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	if n, err := s.Write(s.ctx, Records("closed", 0, 1)); n != 0 || !errors.Is(err, exporters.ErrClosed) {
		t.Errorf("Write after Shutdown = %d, %v; want 0, ErrClosed", n, err)
	}
	done, cancel := context.WithCancel(s.ctx)
	cancel()
	for _, ctx := range []context.Context{s.ctx, done} {
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("further Shutdown: %v", err)
		}
		if err := s.ForceFlush(ctx); err != nil {
			t.Errorf("ForceFlush after Shutdown: %v", err)
		}
	}
	s.wantSeries(t, "open", 3)
}

// shutdownDuringWrite checks that every record whose Write succeeded has
// arrived, whatever Shutdown cut off.
func shutdownDuringWrite(t *testing.T, s *subject) {
	started := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	acked := 0
	wg.Go(func() {
		for {
			n, err := s.Write(s.ctx, Records("race", acked, 5))
			acked += n
			once.Do(func() { close(started) })
			if err != nil || acked > 1000 {
				return
			}
		}
	})
	<-started
	if err := s.Shutdown(s.ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	wg.Wait()
	s.wantSeries(t, "race", acked)
}

// underTheSDK drives the sink as the SDK's exporter.
func underTheSDK(t *testing.T, s *subject) {
	exp, ok := s.Sink.(exporters.SDKExporter)
	if !ok {
		t.Skip("is no sdklog.Exporter")
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exp)))
	logger := provider.Logger("sinktest")
	for i := range 20 {
		var r log.Record
		r.SetSeverity(log.SeverityInfo)
		r.SetBody(attribute.StringValue(ID("sdk", i)))
		logger.Emit(s.ctx, r)
	}
	if err := provider.Shutdown(s.ctx); err != nil {
		t.Errorf("LoggerProvider.Shutdown: %v", err)
	}
	s.wantSeries(t, "sdk", 20)
	if err := exp.Export(s.ctx, make([]sdklog.Record, 1)); !errors.Is(err, sdklog.ErrExporterShutdown) {
		t.Errorf("Export after Shutdown = %v, want ErrExporterShutdown", err)
	}
}

func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("%s does not return", what)
	}
}
