package peer_test

import (
	"context"
	"maps"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// patience bounds what has to happen some time; a test that needs it all has
// failed.
const patience = 30 * time.Second

// sender is a pipeline with one branch, which writes to one sink.
type sender struct {
	t        *testing.T
	pipeline *processors.Pipeline
	logger   *processors.Logger
	sink     *watched
	sent     int
}

// watched tells of failed writes.
type watched struct {
	exporters.Sink
	failed chan error // the first one that nobody has looked at
}

func (w *watched) Write(ctx context.Context, recs []record.Record) (int, error) {
	n, err := w.Sink.Write(ctx, recs)
	w.tell(err)
	return n, err
}

func (w *watched) Forwards() bool { return exporters.CanForward(w.Sink) }

func (w *watched) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	n, err := w.Sink.(exporters.Forwarder).WriteOTLP(ctx, recs)
	w.tell(err)
	return n, err
}

func (w *watched) tell(err error) {
	if kind, _ := exporters.Classify(err); err != nil && kind == exporters.Retryable {
		select {
		case w.failed <- err:
		default:
		}
	}
}

// newSender returns a sender that keeps nothing on disk and tries again without
// end.
func newSender(t *testing.T, sink exporters.Sink, set func(*processors.BatchConfig)) *sender {
	t.Helper()
	w := &watched{Sink: sink, failed: make(chan error, 1)}
	retry, err := exporters.NewRetry(w, exporters.RetryConfig{
		Initial:    exporters.Duration(5 * time.Millisecond),
		Max:        exporters.Duration(50 * time.Millisecond),
		MaxElapsed: exporters.Unlimited,
	})
	if err != nil {
		t.Fatal(err)
	}
	return senderTo(t, w, retry, set)
}

// newSpoolingSender returns a sender with a disk queue below dir.
func newSpoolingSender(t *testing.T, sink exporters.Sink, dir string) *sender {
	t.Helper()
	w := &watched{Sink: sink, failed: make(chan error, 1)}
	cfg := spool.DefaultConfig()
	cfg.Directory = dir
	queue, err := spool.New(w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return senderTo(t, w, queue, waiting)
}

// senderTo returns a sender whose branch writes to the decorator of w.
func senderTo(t *testing.T, w *watched, decorator exporters.Sink, set func(*processors.BatchConfig)) *sender {
	t.Helper()
	cfg := processors.DefaultBatchConfig()
	cfg.ScheduleDelay = exporters.Duration(time.Millisecond)
	if set != nil {
		set(&cfg)
	}
	batch, err := processors.NewBatch(decorator, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), batch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // not the test's context, which has ended
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Shutdown(ctx)
	})
	return &sender{t: t, pipeline: p, logger: p.Logger(record.Scope{Name: "shop.cart"}), sink: w}
}

// waiting makes callers wait when the queue is full.
func waiting(c *processors.BatchConfig) {
	c.OnFull, c.BlockTimeout = processors.Block, exporters.Unlimited
}

// load sends from a goroutine of its own until stop is called.
func (s *sender) load() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				s.send(100)
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// send emits n records; ids count up from 0 over all calls.
func (s *sender) send(n int) {
	for range n {
		now := time.Now()
		r := numbered(s.sent, now)
		if err := s.logger.Emit(s.t.Context(), &r); err != nil {
			s.t.Error(err)
			return
		}
		s.sent++
	}
}

// numbered returns a record with an id.
func numbered(id int, now time.Time) record.Record {
	return record.Record{
		Timestamp: now, Observed: now, Severity: log.SeverityInfo, SeverityText: "INFO",
		Body:       attribute.StringValue("payment accepted"),
		Attributes: []attribute.KeyValue{attribute.Int("id", id), attribute.String("customer", "c-4711")},
	}
}

// settle waits until everything sent is delivered or dropped, and forgets the
// failures up to here.
func (s *sender) settle() {
	s.t.Helper()
	s.flush()
	select {
	case <-s.sink.failed:
	default:
	}
}

// failure waits until a write has failed in a way that is worth another try.
func (s *sender) failure() {
	s.t.Helper()
	select {
	case <-s.sink.failed:
	case <-time.After(patience):
		s.t.Fatal("no write failed")
	}
}

// flush waits until everything sent is delivered or dropped.
func (s *sender) flush() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		err := s.pipeline.ForceFlush(ctx)
		if err == nil {
			return
		}
		if !processors.IsStored(err) || ctx.Err() != nil {
			s.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // the Collector refuses, or is not back yet
	}
}

// shutdown delivers what is left within d.
func (s *sender) shutdown(d time.Duration) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	return s.pipeline.Shutdown(ctx)
}

func (s *sender) books() processors.ExporterStats { return s.pipeline.Stats().Exporters[0] }

// balance holds the books after shutdown against what was sent: every record
// is delivered, or dropped for one of the causes given and as often as given.
func (s *sender) balance(dropped map[string]uint64) {
	s.t.Helper()
	b := s.books()
	if b.Accepted != uint64(s.sent) || b.Delivered+b.DroppedTotal() != b.Accepted {
		s.t.Errorf("%d sent, %d accepted, %d delivered, %v dropped", s.sent, b.Accepted, b.Delivered, b.Dropped)
	}
	if !maps.Equal(b.Dropped, dropped) {
		s.t.Errorf("dropped %v, want %v", b.Dropped, dropped)
	}
}

// arrived holds what the far side has against the books: as many different
// records as count as delivered, each of which was sent. It returns how many
// arrived again.
func (s *sender) arrived(received map[string]int) (duplicates int) {
	s.t.Helper()
	different := uint64(0)
	for id, times := range received {
		n, err := strconv.Atoi(id)
		if err != nil { // the notice that tells of drops has no id
			continue
		}
		if n < 0 || n >= s.sent {
			s.t.Errorf("id %s arrived and was never sent", id)
		}
		different++
		duplicates += times - 1
	}
	if b := s.books(); different != b.Delivered {
		s.t.Errorf("%d records arrived, %d count as delivered", different, b.Delivered)
	}
	return duplicates
}
