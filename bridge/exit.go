package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/global"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/redact"
)

// EndOption configures [Recover], [Exit], [OnSignal] and [CaptureCrashes].
type EndOption func(*ending)

// ending is how records are delivered before a process ends.
type ending struct {
	logger   *slog.Logger
	deadline time.Duration
	shutdown func(context.Context) error
	signals  []os.Signal
}

// WithLogger sets the logger to log to and to wait for; the default is
// [slog.Default], as it is when it is used.
func WithLogger(l *slog.Logger) EndOption {
	return func(e *ending) { e.logger = l }
}

// WithDeadline bounds the wait for delivery; the default is 5 s.
func WithDeadline(d time.Duration) EndOption {
	return func(e *ending) { e.deadline = d }
}

// WithShutdown has [Recover], [Exit] and [OnSignal] call shutdown instead of
// flushing the logger. A Runtime's Shutdown tries again what an exporter could
// not take, up to the deadline, where a flush tries once; other things to end
// first, an HTTP server for example, go into the same function. It is not for a
// Recover whose panic something above recovers: the process would live on
// without its logs.
func WithShutdown(shutdown func(context.Context) error) EndOption {
	return func(e *ending) { e.shutdown = shutdown }
}

func newEnding(opts []EndOption) *ending {
	e := &ending{deadline: 5 * time.Second}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

// Exit delivers what was logged and ends the process with that status. It is
// for the places of [os.Exit], which runs no deferred function and so loses
// what is queued. It never returns, and waits no longer than [WithDeadline]
// says even if an exporter hangs.
//
// It flushes the logger's handler if that has a method
// ForceFlush(context.Context) error, as [Handler] has, else OpenTelemetry's
// global LoggerProvider: handlers that wrap a Handler should hand the method
// on. What could not be delivered is told to OpenTelemetry's error handler, but
// for what waits in a queue on disk: the next process delivers that.
func Exit(code int, opts ...EndOption) {
	e := newEnding(opts)
	e.report(e.within(context.Background(), e.deliver))
	os.Exit(code)
}

// levelFatal is slog's level for the severity FATAL.
const levelFatal = slog.Level(log.SeverityFatal1) - severityOffset

var errNotTaken = errors.New("the logger takes no record of severity FATAL (its level is off, or it is shut down)")

func (e *ending) handler() slog.Handler {
	if e.logger == nil {
		return slog.Default().Handler()
	}
	return e.logger.Handler()
}

// fatal logs one record, whose exception.* attributes stand at the top.
func (e *ending) fatal(ctx context.Context, r slog.Record, attrs ...slog.Attr) error {
	h := e.handler()
	taken := h.Enabled(ctx, r.Level)
	if own, ok := h.(*Handler); ok {
		taken = taken && (own.direct == nil || own.direct.Enabled(ctx, log.SeverityFatal1, ""))
		ctx = With(ctx, attrs...) // a group of Logger.WithGroup would take in the record's own
	} else {
		r.AddAttrs(attrs...)
	}
	if !taken {
		return errNotTaken
	}
	return h.Handle(ctx, r)
}

// delivered calls do, which logs a record and waits for it, and reports what
// it fails with, or that the pipeline has lost something meanwhile: the record,
// for all that is known. Twice is better than never.
func (e *ending) delivered(do func() error) error {
	lost := func() uint64 { return 0 }
	if own, ok := e.handler().(*Handler); ok {
		lost = own.lost
	}
	before := lost()
	if err := do(); err != nil {
		return err
	}
	if after := lost(); after != before {
		return fmt.Errorf("%d records were lost meanwhile, this one perhaps", after-before)
	}
	return nil
}

// lostOf counts what no exporter will ever deliver against the configuration's
// will: dropped, or stopped by a step that panicked.
func lostOf(s processors.Stats) uint64 {
	var n uint64
	for _, x := range s.Exporters {
		n += x.DroppedTotal()
	}
	for _, x := range s.Steps {
		n += x.Stopped[processors.CausePanic]
	}
	return n
}

type flusher interface {
	ForceFlush(context.Context) error
}

func (e *ending) deliver(ctx context.Context) error {
	if e.shutdown != nil {
		return e.shutdown(ctx)
	}
	return e.flush(ctx)
}

func (e *ending) flush(ctx context.Context) error {
	flush := func(ctx context.Context) error { return flushProvider(ctx, nil) }
	if h, ok := e.handler().(flusher); ok {
		flush = h.ForceFlush
	}
	// What waits in a queue on disk outlasts the process.
	if err := flush(ctx); !processors.IsStored(err) {
		return err
	}
	return nil
}

// flushProvider flushes p, or the global provider if p is nil, where it can.
func flushProvider(ctx context.Context, p log.LoggerProvider) error {
	if p == nil {
		p = global.GetLoggerProvider()
	}
	if f, ok := p.(flusher); ok {
		return f.ForceFlush(ctx)
	}
	return nil
}

// within calls do with the deadline, but not with ctx's end, and returns when
// do has returned or the deadline has passed. do has a goroutine of its own:
// nothing that users' handlers and exporters do in it, hanging, panicking or
// ending the goroutine, keeps the process from its end.
func (e *ending) within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.deadline)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := errors.New("runtime.Goexit was called")
		defer func() {
			if p := recover(); p != nil {
				err = errors.New("panic: " + textOfPanic(p))
			}
			done <- err
		}()
		err = do(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reportTime bounds the wait for an error handler, which is the user's code.
const reportTime = time.Second

func (*ending) report(err error) {
	if err == nil {
		return
	}
	brief := ending{deadline: reportTime}
	_ = brief.within(context.Background(), func(context.Context) error {
		text, _ := redact.Default().String(err.Error())
		otel.Handle(fmt.Errorf("bridge: deliver records: %s", text))
		return nil
	})
}
