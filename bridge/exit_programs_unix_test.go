//go:build !windows

package bridge_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice"
	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Programs that end are this test binary, run anew with these variables set:
// below a test, package testing would recover their panics.
const (
	childEnv = "BRIDGE_TEST_CHILD"
	dirEnv   = "BRIDGE_TEST_DIR"
)

func TestMain(m *testing.M) {
	if child := children[os.Getenv(childEnv)]; child != nil {
		child(os.Getenv(dirEnv))
		return
	}
	goleak.VerifyTestMain(m)
}

var children = map[string]func(dir string){
	"recover": func(dir string) {
		rt := startFile(dir)
		defer rt.Shutdown(context.Background())
		ctx := trace.ContextWithSpanContext(bridge.With(context.Background(), slog.String("request", "r-1")),
			trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
		defer bridge.Recover(ctx)
		slog.Info("started")
		explode()
	},
	"recover, captured": func(dir string) {
		startFile(dir)
		capture(dir)
		defer bridge.Recover(context.Background()) // twice on the way of one panic
		func() {
			defer bridge.Recover(context.Background())
			explode()
		}()
	},
	"recover, hanging": func(dir string) {
		startHanging()
		capture(dir)
		defer bridge.Recover(context.Background(), bridge.WithDeadline(50*time.Millisecond))
		explode()
	},
	"recover, then another": func(dir string) {
		startFile(dir)
		capture(dir)
		defer panic("on the way out")
		defer bridge.Recover(context.Background())
		explode()
	},
	"goroutine": func(dir string) {
		startFile(dir)
		capture(dir)
		go explode()
		select {}
	},
	"main": func(dir string) {
		startFile(dir)
		defer capture(dir)() // runs before Go prints the panic
		explode()
	},
	"concurrent map writes": func(dir string) {
		startFile(dir)
		capture(dir)
		m := map[int]int{}
		for {
			go func() {
				for i := range 1000 {
					m[i] = i
				}
			}()
		}
	},
	"wait": func(dir string) {
		startFile(dir)
		capture(dir)
		waitForSignal()
	},
	"next": func(dir string) {
		rt := startFile(dir)
		stop := capture(dir)
		if err := errors.Join(stop(), stop(), rt.Shutdown(context.Background())); err != nil {
			panic(err)
		}
	},
	"next, hanging": func(dir string) {
		startHanging()
		capture(dir, bridge.WithDeadline(50*time.Millisecond))
	},
	"exit": func(dir string) {
		startFile(dir)
		log1000()
		bridge.Exit(3)
	},
	"exit, shutdown": func(dir string) {
		rt := startFile(dir)
		log1000()
		bridge.Exit(3, bridge.WithShutdown(rt.Shutdown))
	},
	"exit, wrapped": func(dir string) {
		startFile(dir)
		slog.SetDefault(slog.New(struct{ slog.Handler }{slog.Default().Handler()}))
		log1000()
		bridge.Exit(3)
	},
	"exit, hanging": func(string) {
		startHanging()
		slog.Info("stuck")
		bridge.Exit(3, bridge.WithDeadline(50*time.Millisecond))
	},
	"exit, panicking": func(string) {
		bridge.Exit(3, bridge.WithShutdown(func(context.Context) error { panic("shutdown") }))
	},
	"signal": func(dir string) {
		rt := startFile(dir)
		// As in a server's main, which ends while the shutdown is under way.
		ended := make(chan struct{})
		stop := bridge.OnSignal(bridge.WithShutdown(func(ctx context.Context) error {
			close(ended)
			return rt.Shutdown(ctx)
		}))
		defer stop()
		log1000()
		println("ready")
		<-ended
	},
	"signal, hanging": func(string) {
		bridge.OnSignal(bridge.WithDeadline(time.Hour), bridge.WithShutdown(func(context.Context) error {
			println("ready")
			select {}
		}))
		waitForSignal()
	},
	"signal, late": func(string) {
		bridge.OnSignal(bridge.WithDeadline(time.Millisecond), bridge.WithShutdown(func(context.Context) error { select {} }))
		waitForSignal()
	},
}

//go:noinline
func explode() { panic(errors.New("boom\nand more")) }

func startFile(dir string) *sluice.Runtime {
	rt, err := sluice.Start(sluice.WithFile(filepath.Join(dir, "log.jsonl")), sluice.WithoutConsole(), sluice.WithService("child", ""), sluice.WithDefault())
	if err != nil {
		panic(err)
	}
	return rt
}

// startHanging starts a runtime whose exporter ignores every deadline.
func startHanging() {
	forever := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { select {} }}
	batch, err := processors.NewBatch(forever, processors.DefaultBatchConfig())
	if err != nil {
		panic(err)
	}
	rt, err := config.NewRuntime(config.DefaultRuntimeConfig(), batch)
	if err != nil {
		panic(err)
	}
	rt.SetDefault("child")
}

func capture(dir string, opts ...bridge.EndOption) (stop func() error) {
	stop, err := bridge.CaptureCrashes(filepath.Join(dir, "crashes"), opts...)
	if err != nil {
		panic(err)
	}
	return stop
}

func log1000() {
	for i := range 1000 {
		slog.Info("said", "i", i)
	}
}

func waitForSignal() {
	println("ready")
	time.Sleep(time.Minute) // bounds a child that nobody ends
}

// run runs a child to its end. Each "ready" of its is answered by one of the
// signals.
func run(t *testing.T, dir, child string, signals ...syscall.Signal) (syscall.WaitStatus, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+child, dirEnv+"="+dir, "GOTRACEBACK=single", "GORACE=atexit_sleep_ms=0")
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	lines := bufio.NewReader(io.TeeReader(pipe, &stderr))
	for _, s := range signals {
		for line := ""; line != "ready\n"; {
			if line, err = lines.ReadString('\n'); err != nil {
				t.Fatalf("%s: no more ready: %v\n%s", child, err, &stderr)
			}
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.Copy(io.Discard, lines)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v, %v\n%s", child, err, ctx.Err(), &stderr)
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus), stderr.String()
}

type line struct {
	Time    time.Time
	Level   string
	Msg     string
	TraceID string `json:"trace_id"`
	Request string
	PID     int    `json:"process.pid"`
	Type    string `json:"exception.type"`
	Message string `json:"exception.message"`
	Stack   string `json:"exception.stacktrace"`
}

// logged reads what the children have logged.
func logged(t *testing.T, dir string) (all, fatal []line) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "log.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for text := range bytes.Lines(data) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		all = append(all, l)
		if l.Level == fatalText {
			fatal = append(fatal, l)
		}
	}
	return all, fatal
}

// fatalText is how slog writes the level that FATAL is.
const fatalText = "FATAL"

func crashFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "crashes", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
