package bridge

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
)

var seed = flag.Uint64("seed", 0, "seed of random tests; 0 takes a new one")

// stockLogger is a logger on otelslog without the bridge.
func stockLogger(p *processors.Pipeline) *slog.Logger {
	provider := sdklog.NewLoggerProvider(p.ProviderOptions()...)
	return otelslog.NewLogger("test", otelslog.WithLoggerProvider(provider))
}

// call is one log call with all that leads to it, drawn from a source of
// numbers so that the same call can be made on several loggers.
type call struct {
	derive  []func(slog.Handler) slog.Handler
	context []slog.Attr
	span    trace.SpanContext
	record  slog.Record
	// lossless says that otelslog keeps all of it.
	lossless bool
}

func (c *call) make(h slog.Handler) error {
	for _, d := range c.derive {
		h = d(h)
	}
	ctx := trace.ContextWithSpanContext(context.Background(), c.span)
	return h.Handle(With(ctx, c.context...), c.record.Clone())
}

// source gives numbers below n, from a generator or from a fuzzer's bytes.
type source func(n int) int

func drawCall(n source) *call {
	c := &call{lossless: true}
	if n(2) == 0 {
		c.span = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{byte(n(255) + 1)}, SpanID: trace.SpanID{byte(n(255) + 1)}, TraceFlags: trace.TraceFlags(n(2)),
		})
	}
	hollow := false // the innermost open group has no attributes of its own
	for range n(4) {
		if n(3) == 0 {
			name := drawKey(n, c)
			c.lossless = c.lossless && !hollow
			hollow = hollow || name != ""
			c.derive = append(c.derive, func(h slog.Handler) slog.Handler {
				// slog.Logger leaves out groups without a name.
				if name == "" {
					return h
				}
				return h.WithGroup(name)
			})
			continue
		}
		attrs := drawAttrs(n, c, 4, 2)
		hollow = hollow && len(attrs) == 0
		c.derive = append(c.derive, func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
	}
	if n(4) == 0 {
		c.context = drawAttrs(n, c, 3, 1)
		c.lossless = c.lossless && len(c.context) == 0
	}
	at := time.Unix(int64(n(2000000000)), int64(n(1000000000)))
	if n(10) == 0 {
		at = time.Time{}
	}
	level := slog.Level(n(24) - 8)
	if n(20) == 0 {
		level = slog.Level(n(400) - 200)
		c.lossless = c.lossless && clampLevel(level) == level
	}
	var pcs [1]uintptr
	if n(3) > 0 {
		runtime.Callers(1, pcs[:])
	}
	c.record = slog.NewRecord(at, level, drawString(n), pcs[0])
	c.record.AddAttrs(drawAttrs(n, c, 9, 3)...)
	return c
}

func drawKey(n source, c *call) string {
	keys := []string{"a", "b", "c", "id", "err", "exception.type", "ключ", "with space", ""}
	k := keys[n(len(keys))]
	if k == "" {
		c.lossless = false
	}
	return k
}

func drawString(n source) string {
	s := []string{"", "hello", "a\nb", "\xff\xfe", "日本語", strings.Repeat("x", 300), "\x1b[31m"}
	return s[n(len(s))]
}

func drawAttrs(n source, c *call, most, depth int) []slog.Attr {
	attrs := make([]slog.Attr, n(most+1))
	for i := range attrs {
		attrs[i] = slog.Attr{Key: drawKey(n, c), Value: drawValue(n, c, depth)}
	}
	return attrs
}

func drawValue(n source, c *call, depth int) slog.Value {
	lossy := func(v any) slog.Value {
		c.lossless = false
		return slog.AnyValue(v)
	}
	switch n(26) {
	case 0:
		return slog.BoolValue(n(2) == 0)
	case 1, 2:
		return slog.Int64Value(int64(n(math.MaxInt32)) - 1000)
	case 3:
		return slog.Float64Value([]float64{0, -1.5, math.Inf(1), math.NaN(), 1e300}[n(5)])
	case 4, 5, 6:
		return slog.StringValue(drawString(n))
	case 7:
		return slog.DurationValue(time.Duration(n(math.MaxInt32)))
	case 8:
		return slog.TimeValue(time.Unix(int64(n(math.MaxInt32)), int64(n(1000))))
	case 9:
		return slog.Uint64Value(uint64(n(math.MaxInt32)))
	case 10:
		if depth > 0 {
			attrs := drawAttrs(n, c, 4, depth-1)
			if len(attrs) == 0 {
				c.lossless = false
			}
			return slog.GroupValue(attrs...)
		}
		return slog.AnyValue(nil)
	case 11:
		return slog.AnyValue([]string{"a", drawString(n)})
	case 12:
		return slog.AnyValue(map[string]any{"k": n(10), "l": []any{drawString(n), nil, 1.5, true}})
	case 13:
		return slog.AnyValue([]byte(drawString(n)))
	case 14:
		return slog.AnyValue(complex(float64(n(9)), 1))
	case 15:
		return slog.AnyValue(attribute.MapValue(attribute.Int("x", n(9))))
	case 16:
		return slog.AnyValue(valuer{slog.IntValue(n(100))})
	case 17:
		i := n(100)
		return slog.AnyValue(&i)
	case 18:
		return slog.AnyValue([][]int{{n(9)}, {}})
	case 19:
		return slog.AnyValue(int8(n(100)))
	case 20:
		return lossy(errors.New(drawString(n)))
	case 21:
		return lossy(fmt.Errorf("wrap: %w", typedError{}))
	case 22:
		return lossy(account{User: drawString(n)})
	case 23:
		return lossy(uint64(math.MaxInt64) + uint64(n(1000)) + 1)
	case 24:
		return lossy(uuid{byte(n(255))})
	default:
		return lossy(redactedUser{name: drawString(n)})
	}
}

// compare makes the call on both tails, and on otelslog alone where that
// keeps everything, and compares the records.
func compare(t testing.TB, tls []tail, stock *slog.Logger, stockOut *capture, c *call) {
	t.Helper()
	var dumps [][2]string // a tail's without and with the source location
	for _, tl := range tls {
		for _, h := range []slog.Handler{
			NewHandler("test", tl.opt), NewHandler("test", tl.opt, WithSource(true)),
		} {
			if err := c.make(h); err != nil {
				t.Fatal(err)
			}
		}
		recs := tl.take()
		if len(recs) != 2 {
			t.Fatalf("%s: %d records, want 2", tl.name, len(recs))
		}
		dumps = append(dumps, [2]string{dump(recs[0]), dump(recs[1])})
	}
	if dumps[0] != dumps[1] {
		t.Fatalf("tails differ:\n direct   %s\n otelslog %s", dumps[0], dumps[1])
	}
	if !c.lossless {
		return
	}
	if err := c.make(stock.Handler()); err != nil {
		t.Fatal(err)
	}
	want := dump(stockOut.one(t))
	if got := dumps[0][0]; got != want {
		t.Fatalf("differs from otelslog alone:\n got  %s\n want %s", got, want)
	}
}

func TestTailsAgree(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("repeat with -seed=%d", s)
	r := rand.New(rand.NewPCG(s, 0))
	tls, stockOut := tails(t), &capture{}
	stock := stockLogger(newPipeline(t, stockOut))
	lossless := 0
	const rounds = 5000
	for range rounds {
		c := drawCall(r.IntN)
		if c.lossless {
			lossless++
		}
		compare(t, tls, stock, stockOut, c)
	}
	if lossless < rounds/20 {
		t.Errorf("only %d of %d calls were compared with otelslog", lossless, rounds)
	}
}

func FuzzTailsAgree(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("0123456789 the same numbers lead to the same call"))
	f.Add(slices.Repeat([]byte{1, 10, 200}, 40))
	tls, stockOut := tails(f), &capture{}
	stock := stockLogger(newPipeline(f, stockOut))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := drawCall(func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := int(data[0])
			data = data[1:]
			return b * n / 256
		})
		compare(t, tls, stock, stockOut, c)
	})
}
