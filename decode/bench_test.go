package decode_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

var benchLines = []struct{ name, line string }{
	{"text", "1234567"},
	{"json", `{"time":"2026-11-21T10:15:30.123456789Z","level":"INFO","logger":"shop.cart","msg":"order placed and waiting for payment","user":"alice@example.com","order.id":123456,"amount":99.95,"express":true,"currency":"EUR"}`},
	{"logfmt", `time=2026-11-21T10:15:30.123456789Z level=INFO logger=shop.cart msg="order placed and waiting for payment" user=alice@example.com order.id=123456 amount=99.95 express=true currency=EUR`},
	{"otlp", `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"shop.cart"},"logRecords":[{"timeUnixNano":"1795256130123456789","severityNumber":9,"severityText":"INFO","body":{"stringValue":"order placed and waiting for payment"},"attributes":[{"key":"user","value":{"stringValue":"alice@example.com"}},{"key":"order.id","value":{"intValue":"123456"}},{"key":"amount","value":{"doubleValue":99.95}}]}]}]}]}`},
}

func BenchmarkDecode(b *testing.B) {
	for _, tc := range benchLines {
		b.Run(tc.name, func(b *testing.B) {
			d, err := decode.New("auto", decode.Options{})
			if err != nil {
				b.Fatal(err)
			}
			in := decode.Line{Text: []byte(tc.line)}
			yield := func(*record.Record, string) {}
			b.SetBytes(int64(len(tc.line)))
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(in, yield)
			}
		})
	}
}

func BenchmarkLines(b *testing.B) {
	data := bytes.Repeat([]byte("a line of forty bytes with its newline.\n"), 100_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		lines := decode.NewLines(bytes.NewReader(data), decode.MaxLine)
		for {
			if _, err := lines.Next(); err == io.EOF {
				break
			}
		}
	}
}

// A plain line costs the copy of its text and nothing else, a JSON line that
// copy and nothing per scalar.
func TestAllocations(t *testing.T) {
	for _, tc := range benchLines[:3] {
		d, err := decode.New("auto", decode.Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := decode.Line{Text: []byte(tc.line)}
		yield := func(*record.Record, string) {}
		if n := testing.AllocsPerRun(100, func() { d.Decode(in, yield) }); n > 1 {
			t.Errorf("%s: %v allocations a line, want 1", tc.name, n)
		}
	}
}
