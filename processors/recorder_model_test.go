package processors

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/record"
)

func FuzzFlightRecorder(f *testing.F) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for i := range 12 {
		ops := make([]byte, 48)
		for j := range ops {
			ops[j] = byte(rnd.Uint32())
		}
		f.Add(uint8(i), uint8(rnd.Uint32()), ops)
	}
	f.Fuzz(func(t *testing.T, settings, capacity uint8, ops []byte) {
		cfg := DefaultFlightRecorderConfig()
		cfg.Per = Per(settings % 3)
		cfg.Capacity = 1 + int(capacity%16)
		cfg.MaxTriggersPerMinute = len(ops) + 1
		most := int64(cfg.MaxBytes)
		if settings&4 != 0 {
			most = 4000 + int64(settings)*32
		}
		playRecorder(t, cfg, most, ops)
	})
}

// TestFlightRecorderModel plays longer sequences than fuzzing likes.
func TestFlightRecorderModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(uint64(seed(t)), 3))
	for range 50 {
		cfg := DefaultFlightRecorderConfig()
		cfg.Per = Per(rnd.IntN(3))
		cfg.Capacity = 1 + rnd.IntN(40)
		ops := make([]byte, 1000)
		cfg.MaxTriggersPerMinute = len(ops)
		for j := range ops {
			ops[j] = byte(rnd.Uint32())
		}
		playRecorder(t, cfg, 1000+rnd.Int64N(60_000), ops)
	}
}

// playRecorder drives a recorder beside plain slices. Each byte is a record:
// two bits choose the trace, which has an origin of its own, three the kind,
// three the size. most takes the
// place of MaxBytes, and may be smaller than that.
func playRecorder(t *testing.T, cfg FlightRecorderConfig, most int64, ops []byte) {
	type item struct {
		id    int64
		key   ringKey
		attrs int
	}
	f, err := NewFlightRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.rings.max = most
	var held, got, want []item // held is in order of age
	var kept, forgotten, released uint64
	origins := [4]*record.Origin{}
	for i := range origins {
		origins[i] = &record.Origin{Scope: record.Scope{Name: string(rune('a' + i))}}
	}
	origins[1].Scope.Attributes = []attribute.KeyValue{attribute.String("k", "v")}
	origins[2].Resource = &record.Resource{Attributes: []attribute.KeyValue{attribute.String("k", string(make([]byte, 900)))}}
	origins[3].Resource = &record.Resource{SchemaURL: "s"}
	next := func(_ context.Context, r *record.Record) error {
		it := item{id: r.Body.AsInt64(), key: f.key(r), attrs: len(r.Attributes)}
		for _, kv := range r.Attributes {
			if kv.Value.AsInt64() != it.id {
				t.Fatalf("record %d has an attribute of record %d", it.id, kv.Value.AsInt64())
			}
		}
		got = append(got, it)
		r.AddAttributes(attribute.Int("later", -1)) // the record is ours to change
		return nil
	}
	var r record.Record
	for i, op := range ops {
		r.Reset()
		key, kind, size := op&3, op>>2&7, int(op>>5)
		r.Body = attribute.Int64Value(int64(i))
		r.TraceID, r.Origin = trace.TraceID{key}, origins[key]
		for range size * size {
			r.AddAttributes(attribute.Int("n", i))
		}
		it := item{int64(i), f.key(&r), size * size}
		same := func(h item) bool { return h.key == it.key }
		switch {
		case kind < 5:
			r.Severity, r.EventName = log.SeverityDebug1, string(make([]byte, size*100))
			kept++
			if n := len(slices.DeleteFunc(slices.Clone(held), func(h item) bool { return !same(h) })); n == cfg.Capacity {
				oldest := slices.IndexFunc(held, same)
				held = slices.Delete(held, oldest, oldest+1)
				forgotten++
			}
			held = append(held, it)
		case kind < 6:
			r.Severity = log.SeverityInfo1
			want = append(want, it)
		default:
			r.Severity = log.SeverityError1
			for _, h := range held {
				if same(h) {
					want = append(want, h)
					released++
				}
			}
			held = slices.DeleteFunc(held, same)
			want = append(want, it)
		}
		if err := f.OnEmit(context.Background(), &r, next); err != nil {
			t.Fatal(err)
		}
		s := f.Books()
		// How many the bound costs is the recorder's to say; which ones is not:
		// the oldest, or the new one where there is no room at all.
		for uint64(len(held)) > s.Held {
			if forgotten++; kind < 5 && f.rings.newest != nil && f.rings.newest.rec.Body.AsInt64() != it.id {
				held = held[:len(held)-1]
			} else {
				held = held[1:]
			}
		}
		if s.Held != uint64(len(held)) || s.StoppedTotal() != forgotten || s.Released != released || s.Held+forgotten+released != kept {
			t.Fatalf("op %d: %+v; want %d held, %d forgotten, %d released of %d", i, s, len(held), forgotten, released, kept)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("op %d: got %v, want %v", i, got, want)
		}
		got, want = got[:0], want[:0]
		j := 0
		for c := f.rings.oldest; c != nil; c = c.younger {
			if j == len(held) || c.rec.Body.AsInt64() != held[j].id {
				t.Fatalf("op %d: the %d. oldest is %v, want %v", i, j, c.rec.Body, held)
			}
			j++
		}
		checkRings(t, &f.rings)
	}
}

// checkRings counts everything again.
func checkRings(t *testing.T, q *rings) {
	t.Helper()
	var bytes, spare int64
	count := 0
	resources := map[*heldResource]int{}
	for key, rg := range q.byKey {
		if rg.key != key || rg.count == 0 {
			t.Fatalf("ring %v under %v has %d records", rg.key, key, rg.count)
		}
		n := 0
		for c := rg.first; c != nil; c = c.next {
			n++
			payload := int64(c.rec.Size()) - recordBytes - int64(len(c.rec.Attributes))*attributeBytes + scopeSize(&c.rec)
			if cost := q.base + payload + int64(cap(c.rec.Attributes))*attributeBytes; c.cost != cost || c.ring != rg {
				t.Fatalf("a record costs %d, want %d", c.cost, cost)
			}
			checkCell(t, c)
			bytes += c.cost
			if resource := resourceOf(&c.rec); resource == nil {
				if c.resource != nil {
					t.Fatal("a cell has a resource that its record has not")
				}
			} else if c.resource == nil || c.resource.resource != resource {
				t.Fatal("a cell has not its record's resource")
			} else {
				resources[c.resource]++
			}
		}
		if n != rg.count || n > q.capacity {
			t.Fatalf("ring of %d has %d records, at most %d", rg.count, n, q.capacity)
		}
		count += n
	}
	for h, cells := range resources {
		if bytes += h.size; h.cells != cells {
			t.Fatalf("%d records are counted for a resource that %d have", h.cells, cells)
		}
	}
	if q.resource != nil && resources[q.resource] == 0 {
		t.Fatal("a resource is kept that no record has")
	}
	for c := q.spare; c != nil; c = c.next {
		spare += c.cost
		if c.resource != nil {
			t.Fatal("a spare cell keeps a resource alive")
		}
		if n := cap(c.rec.Attributes); n > keptAttributes {
			t.Fatalf("a spare cell has room for %d attributes", n)
		}
		checkCell(t, c)
	}
	if count != q.count || bytes != q.bytes || spare != q.spareBytes || bytes+spare > q.max {
		t.Fatalf("%d records, %d + %d bytes of %d; the rings say %d, %d + %d", count, bytes, spare, q.max, q.count, q.bytes, q.spareBytes)
	}
}

// checkCell fails the test if a cell keeps alive what its record does not have.
func checkCell(t *testing.T, c *cell) {
	t.Helper()
	attrs := c.rec.Attributes
	for _, kv := range attrs[len(attrs):cap(attrs)] {
		if kv.Key != "" || kv.Value.Type() != attribute.EMPTY {
			t.Fatal("a cell keeps an attribute alive")
		}
	}
}
