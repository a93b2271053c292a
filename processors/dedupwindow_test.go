package processors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// TestDedupAccountsForItsMemory drives a Dedup at random and compares what it
// believes to hold with what it holds.
func TestDedupAccountsForItsMemory(t *testing.T) {
	rnd := rand.New(rand.NewPCG(uint64(seed(t)), 1))
	synctest.Test(t, func(t *testing.T) {
		d, err := NewDedup(DefaultDedupConfig())
		if err != nil {
			t.Fatal(err)
		}
		origins := []*record.Origin{nil, {}, {Scope: record.Scope{Name: "s", Attributes: []attribute.KeyValue{attribute.String("k", "v")}}}}
		for i := range 3 {
			origins = append(origins, &record.Origin{Resource: &record.Resource{SchemaURL: strings.Repeat("x", i*3000)}})
		}
		next := func(context.Context, *record.Record) error { return nil }
		check := func() {
			t.Helper()
			d.mu.Lock()
			defer d.mu.Unlock()
			n, bytes := 0, 0
			for w := d.oldest; w != nil; w = w.next {
				n++
				size := windowSize + len(w.key)
				if w.count > 0 {
					size += w.last.Size() + int(scopeSize(w.last)+resourceSize(resourceOf(w.last)))
				}
				if w.size != size || d.windows[w.key] != w {
					t.Fatalf("window %q: size %d, want %d", w.key, w.size, size)
				}
				bytes += size
			}
			if n != len(d.windows) || bytes != d.bytes || n > maxWindows || bytes > maxWindowBytes {
				t.Fatalf("%d windows, %d bytes; the list has %d, %d", len(d.windows), d.bytes, n, bytes)
			}
		}
		for range 3000 {
			switch rnd.IntN(20) {
			case 0:
				time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
				synctest.Wait()
			case 1:
				_ = d.ForceFlush(t.Context())
			default:
				r := record.Record{Body: attribute.StringValue(fmt.Sprint(rnd.IntN(500))), Origin: origins[rnd.IntN(len(origins))]}
				for i := range rnd.IntN(20) {
					r.AddAttributes(attribute.String(fmt.Sprint("k", i), strings.Repeat("x", rnd.IntN(3000))))
				}
				_ = d.OnEmit(t.Context(), &r, next)
			}
			check()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		check()
		if d.oldest != nil || d.bytes != 0 {
			t.Errorf("%d bytes are held when all intervals are over", d.bytes)
		}
		_ = d.Shutdown(t.Context())
	})
}
