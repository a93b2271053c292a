package processors

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// feedback keeps out of a pipeline what is logged by the code that the pipeline
// itself calls while it calls it: exporters that are not known to be quiet, and
// OpenTelemetry's error handler. Each such record would make another one, for
// ever, and a synchronous exporter would wait for itself.
//
// A record is known by its context, if the exporter passes on the one it was
// given, or by the stack of the goroutine that logs it, if fewer than 4096 calls
// lie between. Goroutines of the exporter's own that use another context are not
// recognized. Nor are two
// pipelines told apart by a stack: what the exporter of one logs into another
// stays out of that one too while it has such a call under way itself.
//
// As long as no such call is under way, all of this is one atomic load.
type feedback struct {
	underWay atomic.Int64
	stopped  atomic.Uint64
	told     atomic.Bool
}

// Where the code of the functions lies that stacks are searched for.
var (
	sinkCode    = sync.OnceValue(func() extent { return extentOf((*feedback).callSink) })
	handlerCode = sync.OnceValue(func() extent { return extentOf((*feedback).callHandler) })
)

// callSink calls a sink that may log.
//
//go:noinline
func (f *feedback) callSink(ctx context.Context, s exporters.Sink, recs []record.Record) (int, error) {
	f.underWay.Add(1)
	defer f.underWay.Add(-1)
	return s.Write(context.WithValue(ctx, f, true), recs)
}

// callHandler calls the error handler.
//
//go:noinline
func (f *feedback) callHandler(err error) {
	f.underWay.Add(1)
	defer f.underWay.Add(-1)
	otel.Handle(err)
}

// stops reports whether the record that is being emitted with ctx comes from
// code that the pipeline has called, and counts it.
func (f *feedback) stops(ctx context.Context, l *Logger, r *record.Record, failures *failures) bool {
	byHandler := false
	if ctx == nil || ctx.Value(f) == nil {
		caller := nearest(sinkCode(), handlerCode())
		if caller < 0 {
			return false
		}
		byHandler = caller == 1
	}
	f.stopped.Add(1)
	if byHandler {
		// OpenTelemetry's default handler prints with package log, which
		// slog.SetDefault leads here: its line goes where it went before. So
		// does what a handler of the user's logs, attributes included.
		fmt.Fprintln(os.Stderr, line(r))
	} else if !f.told.Swap(true) {
		failures.add(fmt.Errorf("processors: an exporter logs (logger %q) into the pipeline that it is fed by: such records are dropped", l.origin.Scope.Name))
	}
	return true
}

// maxFrames bounds how far a log call may be from the call that it is to be
// recognized by. Nearly all are nearer than nearFrames.
const (
	nearFrames = 512
	maxFrames  = 4096
)

// nearest returns which of some functions is the nearest on the goroutine's
// stack, -1 if none is.
func nearest(code ...extent) int {
	var pcs [nearFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	if i := search(pcs[:n], code); i >= 0 || n < len(pcs) {
		return i
	}
	return nearestDeep(code)
}

// nearestDeep is not inlined: its memory would be taken by every search.
//
//go:noinline
func nearestDeep(code []extent) int {
	var pcs [maxFrames]uintptr
	return search(pcs[:runtime.Callers(2, pcs[:])], code)
}

func search(pcs []uintptr, code []extent) int {
	for _, pc := range pcs {
		for i := range code {
			if code[i].holds(pc) {
				return i
			}
		}
	}
	return -1
}

// extent is where a function's code lies. Comparing addresses takes a
// nanosecond a frame; asking the runtime for the function's name takes fifty, and
// memory where something was inlined.
type extent struct{ from, to uintptr }

func extentOf(function any) extent {
	from := reflect.ValueOf(function).Pointer()
	to := from
	for f := runtime.FuncForPC(to); f != nil && f.Entry() == from; f = runtime.FuncForPC(to) {
		to++
	}
	return extent{from, to}
}

// holds reports whether a return address is the function's.
func (e extent) holds(pc uintptr) bool { return e.from < pc && pc <= e.to }

// linkable is a branch of this package.
type linkable interface {
	Branch
	// join tells the branch of the pipeline that it stands in, and the name
	// that it has there.
	join(f *feedback, m *meters, name string)
	// disk returns what the branch knows of a queue on disk behind it.
	disk() *diskQueue
}

// linked is what a branch has of its pipeline; before that exists, nothing.
type linked struct{ link atomic.Pointer[link] }

type link struct {
	feedback *feedback
	quiet    bool // the sink does not log
	// duration records how long a Write took.
	duration func(ctx context.Context, took time.Duration, errorType string)
}

func (l *linked) tie(f *feedback, m *meters, s exporters.Sink, name string) {
	l.link.Store(&link{f, exporters.IsQuiet(s), m.duration(typeName(innermost(s)), name)})
}

// to writes to the branch's sink.
func (l *linked) to(ctx context.Context, s exporters.Sink, recs []record.Record) (int, error) {
	if link := l.link.Load(); link != nil && !link.quiet {
		return link.feedback.callSink(ctx, s, recs)
	}
	return s.Write(ctx, recs)
}

// tell reports an error to the error handler.
func (l *linked) tell(err error) {
	if link := l.link.Load(); link != nil {
		link.feedback.callHandler(err)
		return
	}
	otel.Handle(err)
}

// measure records the duration of a Write.
func (l *linked) measure(ctx context.Context, took time.Duration, err error, panicked bool) {
	if link := l.link.Load(); link != nil {
		link.duration(ctx, took, errorType(err, panicked))
	}
}
