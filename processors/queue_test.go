package processors

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// seed returns SLUICE_SEED, or a fresh one, and prints it.
func seed(t testing.TB) int64 {
	n := time.Now().UnixNano()
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SLUICE_SEED=%d", n)
	return n
}

// TestQueueModel drives the queue with random operations beside a plain list.
func TestQueueModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(uint64(seed(t)), 1))
	type item struct {
		id   int64
		sev  log.Severity
		size int
	}
	var (
		q     queue
		model []item
		recs  []record.Record
		runs  []taken
		id    int64
	)
	sevs := []log.Severity{0, log.SeverityTrace1, log.SeverityDebug1, log.SeverityInfo1, log.SeverityInfo4, log.SeverityWarn1, log.SeverityError1, log.SeverityFatal4}
	check := func(op string) {
		t.Helper()
		var bytes int64
		for _, it := range model {
			bytes += int64(it.size)
		}
		if q.records != len(model) || q.bytes != bytes {
			t.Fatalf("%s: queue counts %d records, %d bytes; model %d, %d", op, q.records, q.bytes, len(model), bytes)
		}
	}
	for range 30_000 {
		switch op := rnd.IntN(100); {
		case op < 70:
			id++
			r := record.Record{Severity: sevs[rnd.IntN(len(sevs))], Body: attribute.Int64Value(id)}
			attrs := rnd.IntN(12)
			if rnd.IntN(500) == 0 {
				attrs = 1000 // more than a chunk holds
			}
			for i := range attrs {
				r.AddAttributes(attribute.Int64("k"+strconv.Itoa(i), id+int64(i)))
			}
			size := r.Size()
			q.push(&r, size)
			model = append(model, item{id, r.Severity, size})
			check("push")
		case op < 76:
			if got, want := q.evictOldest(), len(model) > 0; got != want {
				t.Fatalf("evictOldest = %t, want %t", got, want)
			}
			if len(model) > 0 {
				model = model[1:]
			}
			check("evict oldest")
		case op < 90:
			sev := sevs[rnd.IntN(len(sevs))]
			victim := -1
			for i, it := range model {
				if laneOf(it.sev) <= laneOf(sev) && (victim < 0 || laneOf(it.sev) < laneOf(model[victim].sev)) {
					victim = i
				}
			}
			if got := q.evictLowest(sev); got != (victim >= 0) {
				t.Fatalf("evictLowest(%v) = %t, victim %d", sev, got, victim)
			}
			if victim >= 0 {
				model = slices.Delete(model, victim, victim+1)
			}
			check("evict lowest")
		default:
			if len(runs) > 0 && rnd.IntN(2) == 0 {
				for i := range recs {
					first := recs[i].Body.AsInt64()
					for j, kv := range recs[i].Attributes {
						if kv.Value.AsInt64() != first+int64(j) {
							t.Fatalf("record %d: attribute %d is %v: its memory was reused in flight", first, j, kv.Value)
						}
					}
				}
				release(runs)
				q.unpin(runs)
				recs, runs = recs[:0], runs[:0]
				check("unpin")
			}
			if len(runs) > 0 {
				continue
			}
			most := 1 + rnd.IntN(400)
			runs, _, _ = q.take(most, runs[:0])
			recs = recs[:0]
			for _, t := range runs {
				recs = append(recs, t.recs...)
			}
			if want := min(most, len(model)); len(recs) != want {
				t.Fatalf("take(%d) = %d records, want %d", most, len(recs), want)
			}
			for i := range recs {
				if recs[i].Body.AsInt64() != model[i].id {
					t.Fatalf("take: record %d is %d, want %d", i, recs[i].Body.AsInt64(), model[i].id)
				}
			}
			model = model[len(recs):]
			check("take")
		}
	}
}
