package socket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// datagramOf returns the datagram made of r.
func datagramOf(t testing.TB, c Config, r record.Record) []byte {
	t.Helper()
	ep, err := parseEndpoint(c.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := c.encoder()
	if err != nil {
		t.Fatal(err)
	}
	f := newFormat(c, ep, enc)
	var out frames
	if err := f.fill(&out, []record.Record{r}); err != nil {
		t.Fatal(err)
	}
	if len(out.buf) > f.limit {
		t.Errorf("%d bytes, want at most %d", len(out.buf), f.limit)
	}
	return out.buf
}

// What is cut: the long text first, the short ones not at all.
func TestLongTextIsCut(t *testing.T) {
	c := config("udp://127.0.0.1:1")
	c.MaxMessageSize = 1400
	r := sinktest.Record("the message stays")
	r.AddAttributes(attribute.String("stack", strings.Repeat("é", 1<<20)), attribute.Int("order.id", 7))
	msg := datagramOf(t, c, r)
	var got map[string]any
	if err := json.Unmarshal(msg, &got); err != nil {
		t.Fatal(err)
	}
	stack, _ := got["stack"].(string)
	if got["msg"] != "the message stays" || got["order.id"] != 7.0 || !strings.HasSuffix(stack, "é…") {
		t.Errorf("got %s", msg)
	}
	whole := encode.JSON(encode.Options{}).Append(nil, &r)
	if got[string(TruncatedBytes)] != float64(len(whole)-1) {
		t.Errorf("marked with %v, want %d", got[string(TruncatedBytes)], len(whole)-1)
	}
	if len(msg) < 1200 {
		t.Errorf("cut down to %d bytes where 1400 fit", len(msg))
	}
}

func TestManyAttributesAreDropped(t *testing.T) {
	for _, format := range []string{"json", "otlp_json"} {
		c := config("udp://127.0.0.1:1")
		c.MaxMessageSize, c.Format = 1400, format
		r := sinktest.Record("the message stays")
		r.Attributes = nil
		for i := range 10000 {
			r.AddAttributes(attribute.Int(fmt.Sprintf("key%d", i), i))
		}
		r.Dropped = 5
		msg := string(datagramOf(t, c, r))
		if !json.Valid([]byte(msg)) || !strings.Contains(msg, "the message stays") || !strings.Contains(msg, "sinktest") {
			t.Errorf("%s: %s", format, msg)
		}
		kept := strings.Count(msg, `"key`) - strings.Count(msg, `"key":`)
		if format == "json" {
			kept = strings.Count(msg, `"key`)
		}
		if count := fmt.Sprintf(`:%d`, 10005-kept); kept == 0 || !strings.Contains(msg, count) {
			t.Errorf("%s: %d kept, want %s dropped: %s", format, kept, count, msg)
		}
	}
}

func TestLargeMapIsReplaced(t *testing.T) {
	c := config("udp://127.0.0.1:1")
	c.MaxMessageSize = 480
	r := sinktest.Record("the message stays")
	r.AddAttributes(attribute.StringSlice("list", make([]string, 1000)), attribute.StringSlice("short", []string{"a"}))
	if msg := datagramOf(t, c, r); !bytes.Contains(msg, []byte(`"list":"[truncated]","short":["a"]`)) {
		t.Errorf("got %s", msg)
	}
}

func TestCutText(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"aéé", 2, "a…"},
		{"aéé", 3, "aé…"},
		{"日本語", 4, "日…"},
		{"日本語", 2, "…"},
		{"ab", 0, "…"},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80…"},
	} {
		if got := cutText(c.s, c.n); got != c.want {
			t.Errorf("cutText(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

// Whatever a record holds, a message of any size that can be configured is
// whole, in bounds, and marked if it was cut.
func FuzzShorten(f *testing.F) {
	for i := range uint64(20) {
		f.Add(i, i*97)
	}
	f.Fuzz(func(t *testing.T, seed, size uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		r := randomRecord(rnd)
		for _, format := range formats {
			c := config("udp://127.0.0.1:1")
			c.Format, c.MaxMessageSize = format, exporters.Size(leastMessage+size%8192)
			msg := datagramOf(t, c, r)
			wantFormat(t, c, [][]byte{msg})
			enc, err := c.encoder()
			if err != nil {
				t.Fatal(err)
			}
			cut := len(enc.Append(nil, &r))-1 > int(c.MaxMessageSize)
			if marked := bytes.Contains(msg, []byte(TruncatedBytes)); marked != cut {
				t.Errorf("%s in %d bytes: marked %t, cut %t: %s", format, c.MaxMessageSize, marked, cut, msg)
			}
		}
	})
}

func randomRecord(rnd *rand.Rand) record.Record {
	pieces := []string{"a", "word ", "é", "日", "\x00", "\x1b[0m", "\xff", "\"", "\\", "\n", "\u202e", "<&>", "=", "]"}
	text := func(most int) string {
		var b strings.Builder
		for b.Len() < rnd.IntN(most+1) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		return b.String()
	}
	var value func(depth int) attribute.Value
	value = func(depth int) attribute.Value {
		switch rnd.IntN(8) {
		case 0:
			return attribute.IntValue(rnd.Int())
		case 1:
			return attribute.Float64Value(rnd.NormFloat64())
		case 2:
			return attribute.ByteSliceValue([]byte(text(200)))
		case 3:
			return attribute.StringSliceValue([]string{text(100), text(100)})
		case 4:
			if depth < 5 {
				return attribute.MapValue(attribute.KeyValue{Key: attribute.Key(text(20)), Value: value(depth + 1)}, attribute.String("k", text(20)))
			}
		}
		return attribute.StringValue(text(1000))
	}
	r := sinktest.Record("")
	r.Body = value(0)
	r.Severity, r.SeverityText, r.EventName = log.Severity(rnd.IntN(30)), text(50), text(rnd.IntN(3000))
	r.TraceID[0], r.SpanID[0], r.TraceFlags = 1, 1, 1
	for range rnd.IntN(100) {
		r.AddAttributes(attribute.KeyValue{Key: attribute.Key(text(100)), Value: value(0)})
	}
	r.Origin = &record.Origin{Scope: record.Scope{Name: text(500)}, Resource: &record.Resource{}}
	for range rnd.IntN(20) {
		r.Origin.Resource.Attributes = append(r.Origin.Resource.Attributes, attribute.KeyValue{Key: attribute.Key(text(50)), Value: value(0)})
	}
	if utf8.RuneCountInString(r.EventName) > 2000 {
		r.Origin = nil
	}
	return r
}
