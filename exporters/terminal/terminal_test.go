package terminal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

type buffer struct {
	mu sync.Mutex
	bytes.Buffer
	writes int
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	return b.Buffer.Write(p)
}

func TestConformance(t *testing.T) {
	for _, format := range []string{"", "pretty", "text", "json", "logfmt", "template"} {
		t.Run("format="+format, func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				out := new(buffer)
				c := DefaultConfig()
				c.Format, c.Writer = format, out
				if format == "template" {
					c.Format, c.Template = "text", "{level<6}{message} {attributes}"
				}
				return newTest(t, c), func() []string { return sinktest.IDs(out.Bytes()) }
			}})
		})
	}
}

func newTest(t testing.TB, c Config) *Exporter {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOneWriteABatch(t *testing.T) {
	out := new(buffer)
	c := DefaultConfig()
	c.Writer = out
	if _, err := newTest(t, c).Write(t.Context(), sinktest.Records("one", 0, 100)); err != nil {
		t.Fatal(err)
	}
	if out.writes != 1 {
		t.Errorf("%d writes, want 1", out.writes)
	}
	if line, _, _ := strings.Cut(out.String(), "\n"); !strings.HasPrefix(line, "{") {
		t.Errorf("what is no terminal gets JSON by default, have %q", line)
	}
}

// cutting takes limit bytes, then fails once.
type cutting struct {
	bytes.Buffer
	limit int
	err   error
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.err == nil {
		return c.Buffer.Write(p)
	}
	n, _ := c.Buffer.Write(p[:min(c.limit, len(p))])
	err := c.err
	c.err = nil
	return n, err
}

// A write that fails at any byte reports the whole records before it, and the
// rest of the batch, written again, never shares a line with the torn record.
func TestPartialWrite(t *testing.T) {
	recs := sinktest.Records("part", 0, 4)
	whole := new(buffer)
	c := DefaultConfig()
	c.Format, c.Writer = "json", whole
	if _, err := newTest(t, c).Write(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	for limit := range whole.Len() {
		out := &cutting{limit: limit, err: errors.New("cut")}
		c.Writer = out
		e := newTest(t, c)
		n, err := e.Write(t.Context(), recs)
		if n < len(recs) {
			if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable {
				t.Fatalf("cut at %d: %v", limit, err)
			}
		} else if err != nil {
			t.Fatalf("cut at %d: all delivered, and yet %v", limit, err)
		}
		if want := bytes.Count(whole.Bytes()[:limit+1], []byte("\n")); n != want {
			t.Fatalf("cut at %d: %d delivered, want %d", limit, n, want)
		}
		if _, err := e.Write(t.Context(), append(recs[n:], sinktest.Record("next"))); err != nil {
			t.Fatal(err)
		}
		var good []string
		for line := range strings.Lines(out.String()) {
			if line != "\n" && strings.Contains(whole.String(), line) {
				good = append(good, line)
			}
		}
		if got := strings.Join(good, ""); got != whole.String() {
			t.Fatalf("cut at %d: good lines\n%s\nwant\n%s", limit, got, whole.String())
		}
	}
}

func TestBrokenPipeIsPermanent(t *testing.T) {
	for _, cause := range []error{&os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, os.ErrClosed} {
		c := DefaultConfig()
		c.Writer = &cutting{err: cause}
		_, err := newTest(t, c).Write(t.Context(), sinktest.Records("pipe", 0, 1))
		if kind, _ := exporters.Classify(err); kind != exporters.KindPermanent {
			t.Errorf("%v: kind %d, want permanent", err, kind)
		}
	}
}

// stuck blocks until it is released.
type stuck struct{ entered, release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	s.entered <- struct{}{}
	<-s.release
	return len(p), nil
}

func TestBlockedTerminalLeavesOthersTheirDeadlines(t *testing.T) {
	out := stuck{make(chan struct{}), make(chan struct{})}
	c := DefaultConfig()
	c.Writer = out
	e := newTest(t, c)
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := e.Write(t.Context(), sinktest.Records("stuck", 0, 1)); n != 1 || err != nil {
			t.Errorf("the blocked Write = %d, %v", n, err)
		}
	})
	<-out.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := e.Write(ctx, sinktest.Records("stuck", 1, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := e.ForceFlush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ForceFlush = %v", err)
	}
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
	close(out.release)
	wg.Wait()
}

func TestWantColor(t *testing.T) {
	for _, c := range []struct {
		mode string
		tty  bool
		env  map[string]string
		want bool
	}{
		{"auto", true, nil, true},
		{"auto", false, nil, false},
		{"auto", true, map[string]string{"TERM": "dumb"}, false},
		{"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		{"auto", true, map[string]string{"NO_COLOR": ""}, true},
		{"auto", false, map[string]string{"FORCE_COLOR": "1"}, true},
		{"auto", true, map[string]string{"FORCE_COLOR": "0"}, false},
		{"auto", false, map[string]string{"FORCE_COLOR": "1", "NO_COLOR": "1"}, false},
		{"always", false, map[string]string{"NO_COLOR": "1"}, true},
		{"never", true, map[string]string{"FORCE_COLOR": "1"}, false},
	} {
		if got := wantColor(c.mode, c.tty, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestValidate(t *testing.T) {
	c := Config{Format: "xml", Stream: "stdin", Color: "red"}
	_, err := New(c)
	for _, want := range []string{`format: unknown value "xml"`, "want one of pretty, text, json, logfmt", "stream:", "color:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not tell %q", err, want)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPrettyNeverPassesEscapesOn(t *testing.T) {
	out := new(buffer)
	c := DefaultConfig()
	c.Format, c.Color, c.Writer = "pretty", "never", out
	if _, err := newTest(t, c).Write(t.Context(), sinktest.Hostile()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\x00", "\r", "\x07", "\u202e", "\u009b"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("output holds %q", bad)
		}
	}
}
