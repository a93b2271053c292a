package encode_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

type splitter interface {
	encode.BatchEncoder
	AppendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int)
}

var splitters = []struct {
	name string
	splitter
	frame string // What AppendBatch puts behind a request.
}{{"otlp", encode.OTLPProto(), ""}, {"otlp_json", encode.OTLPJSON(), "\n"}}

// FuzzOTLPUpTo compares each limit's request with that of as many records as
// ought to fit. That those are right hold FuzzOTLPProto and FuzzOTLPJSON.
func FuzzOTLPUpTo(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		checkUpTo(t, fuzzRecords(&g))
	})
}

func checkUpTo(t *testing.T, recs []record.Record) {
	t.Helper()
	for _, enc := range splitters {
		whole := make([][]byte, len(recs)+1) // whole[n] holds the first n.
		for n := range whole {
			whole[n], _ = enc.AppendUpTo(nil, recs[:n], math.MaxInt)
		}
		for n, out := range whole {
			for _, limit := range []int{len(out) - 1, len(out), len(out) + 1} {
				want := 0
				for want < len(recs) && len(whole[want+1]) <= limit {
					want++
				}
				got, fit := enc.AppendUpTo([]byte("before"), recs, limit)
				if fit != want || !bytes.Equal(got, append([]byte("before"), whole[want]...)) {
					t.Fatalf("%s: within %d bytes, as %d records have: %d records in %d bytes, want %d in %d",
						enc.name, limit, n, fit, len(got)-len("before"), want, len(whole[want]))
				}
			}
		}
	}
}

// A limit holds to the byte where the lengths of records and groups become
// longer.
func TestOTLPUpTo(t *testing.T) {
	for _, size := range []int{1 << 7, 1 << 14, 1 << 21} {
		for less := range 40 {
			if raceEnabled && less > 2 {
				break
			}
			half := strings.Repeat("s", (size-less)/2)
			checkUpTo(t, []record.Record{{Body: attribute.StringValue(half)}, {Body: attribute.StringValue(half)}, {}})
			checkUpTo(t, []record.Record{{Body: attribute.StringValue(half + half)}})
		}
	}
	checkUpTo(t, samples())
	recs := samples()
	for _, enc := range splitters {
		for _, limit := range []int{math.MinInt, -1, 0, 1, 5} {
			if out, n := enc.AppendUpTo(nil, recs, limit); n != 0 || len(out) != 0 {
				t.Errorf("%s: within %d bytes: %d records in %d bytes, want none", enc.name, limit, n, len(out))
			}
		}
		out, n := enc.AppendUpTo(nil, recs, math.MaxInt)
		if n != len(recs) || !bytes.Equal(append(out, enc.frame...), enc.AppendBatch(nil, recs)) {
			t.Errorf("%s: without a limit: %d records in %d bytes, want all %d", enc.name, n, len(out), len(recs))
		}
		if out, n := enc.AppendUpTo(nil, nil, math.MaxInt); n != 0 || len(out) != 0 {
			t.Errorf("%s: %d records in %q of none", enc.name, n, out)
		}
	}
}

func TestOTLPUpToAllocatesNothing(t *testing.T) {
	recs := []record.Record{scalars(), scalars(), scalars()}
	recs[1].Origin = payment
	for _, enc := range splitters {
		buf := make([]byte, 0, 1<<16)
		if n := testing.AllocsPerRun(100, func() {
			for rest := recs; len(rest) > 0; {
				fit := 0
				if buf, fit = enc.AppendUpTo(buf[:0], rest, 1500); fit == 0 {
					t.Fatal("not one record fits")
				}
				rest = rest[fit:]
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", enc.name, n)
		}
	}
}
