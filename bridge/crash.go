package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	maxCrashFiles = 100     // logged by one start; older ones are removed unread
	maxCrashRead  = 1 << 20 // bytes of one file
)

// CaptureCrashes has the Go runtime write what it prints of a crash that no
// [Recover] sees, a panic of any goroutine or a fatal error like concurrent map
// writes, to a file of this process in dir too, and logs what earlier processes
// left there. Call it once, in main, when the logger works:
//
//	stop, err := bridge.CaptureCrashes("/var/lib/shop/crashes")
//	if err != nil {
//		return err
//	}
//	defer stop()
//
// Each crash becomes one record of severity FATAL at the time of the crash,
// with exception.type ("panic", the Go type where the text tells it, or "fatal
// error"), exception.message and exception.stacktrace (their first 8 and 64
// KiB) and process.pid, that of the process that crashed. A panic that a
// Recover has delivered is not logged again. A file goes when its record was
// delivered, as Recover understands that, so a crash in between has it logged
// twice rather than never; what cannot be delivered within [WithDeadline], for
// which CaptureCrashes waits, is told to OpenTelemetry's error handler and left
// to the next start. A process that is killed leaves an empty file, which is
// removed. What a process prints at SIGQUIT counts as a crash.
//
// dir is made if it is missing, with mode 0750, the file with 0600: it holds
// the panic's raw text, where the record passes every step of the pipeline,
// redaction too. Several processes may share dir; it has to be on a local file
// system, because a lock (flock) tells the files of living processes. Anything
// else in dir is left alone, a file that has another name (a hard link) too. At
// most 100 crashes are kept.
//
// The process has one crash output, which this takes
// ([runtime/debug.SetCrashOutput]). Of a fatal error, Go up to 1.26 writes the
// stack there and the text to standard error alone: the message then names
// the function. GOTRACEBACK rules what the stack shows; with "none" a delivered
// panic cannot be told and comes twice. Windows is not supported (an error that
// is [errors.ErrUnsupported]).
//
// stop ends the capture and removes this process's file; a process that ends
// without it leaves an empty file to the next one. Below a panic it does
// nothing: deferred by main, it runs before Go prints main's panic.
func CaptureCrashes(dir string, opts ...EndOption) (stop func() error, err error) {
	e := newEnding(opts)
	root, f, err := openCrashFile(dir)
	if err != nil {
		return nil, fmt.Errorf("bridge: capture crashes: %w", err)
	}
	end := func() error {
		return errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), removeCrashFile(root, f), f.Close(), root.Close())
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return nil, fmt.Errorf("bridge: capture crashes: %w", errors.Join(err, end()))
	}
	e.report(e.within(context.Background(), func(ctx context.Context) error { return e.logCrashes(ctx, root) }))
	return sync.OnceValue(func() error {
		if panicking() {
			return nil
		}
		if err := end(); err != nil {
			return fmt.Errorf("bridge: stop capturing crashes: %w", err)
		}
		return nil
	}), nil
}

// logCrashes logs the crashes of dead processes.
func (e *ending) logCrashes(ctx context.Context, root *os.Root) error {
	names, err := listCrashFiles(root)
	if err != nil {
		return err
	}
	var errs []error
	var kept []*os.File
	lost := 0
	defer func() {
		for _, f := range kept {
			_ = f.Close()
		}
	}()
	for _, name := range slices.Backward(names) {
		f, size, err := takeCrashFile(root, name)
		switch {
		case err != nil:
			errs = append(errs, err)
		case f == nil:
		case size > 0 && len(kept) < maxCrashFiles:
			kept = append(kept, f)
		default:
			if size > 0 {
				lost++
			}
			errs = append(errs, removeCrashFile(root, f), f.Close())
		}
	}
	if lost > 0 {
		errs = append(errs, fmt.Errorf("%d crashes older than the latest %d were removed unread", lost, maxCrashFiles))
	}
	// One by one: they may be more than a queue takes.
	for _, f := range slices.Backward(kept) {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := e.logCrash(ctx, f); err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", f.Name(), err))
			continue
		}
		errs = append(errs, removeCrashFile(root, f))
	}
	return errors.Join(errs...)
}

// logCrash logs and delivers what the file holds.
func (e *ending) logCrash(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCrashRead))
	if err != nil {
		return err
	}
	c := parseCrash(string(text))
	if c.logged {
		return nil
	}
	attrs := exceptionAttrs(c.typ, c.message, c.stack)
	if pid, err := strconv.Atoi(crashNames.FindStringSubmatch(crashFileName(f))[1]); err == nil {
		attrs = append(attrs, slog.Int(string(semconv.ProcessPIDKey), pid))
	}
	r := slog.NewRecord(info.ModTime(), levelFatal, "earlier process crashed: "+c.title, 0)
	return e.delivered(func() error {
		if err := e.fatal(ctx, r, attrs...); err != nil {
			return err
		}
		return e.flush(ctx)
	})
}
