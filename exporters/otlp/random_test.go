package otlp_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// seed returns SLUICE_SEED, else a new one, and prints it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv("SLUICE_SEED"), 10, 64)
	if err != nil {
		n = rand.Uint64()
	}
	t.Logf("SLUICE_SEED=%d", n)
	return n
}

// Whatever a receiver does, every record is taken by it, rejected or reported.
func TestEveryRecordIsAccountedFor(t *testing.T) {
	for _, compression := range []string{"none", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed(t), 0))
			r := newReceiver(t)
			r.answer = func(w http.ResponseWriter, _, n int) bool {
				mu.Lock()
				what := random.IntN(10)
				mu.Unlock()
				return moody(t, w, what, n)
			}
			e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) {
				c.Compression, c.MaxRequestSize = compression, 4*exporters.KiB
			}))
			var wg sync.WaitGroup
			for _, series := range []string{"a", "b", "c"} {
				wg.Go(func() {
					books := send(t, e, series, 200)
					for id := range r.taken() {
						delete(books.open, id)
					}
					if len(books.open) > books.rejected+books.poison {
						t.Errorf("%s: %d records are not at the receiver, %d were rejected and %d too large",
							series, len(books.open), books.rejected, books.poison)
					}
				})
			}
			wg.Wait()
		})
	}
}

// taken returns the ids that the receiver has taken.
func (r *receiver) taken() map[string]bool {
	ids := map[string]bool{}
	for _, id := range r.read() {
		ids[id] = true
	}
	return ids
}

// moody answers in one of several ways, and reports whether the records were
// taken.
func moody(t *testing.T, w http.ResponseWriter, what, n int) bool {
	switch {
	case what == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	case what <= 2: // the answer gets lost
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return false
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		return what == 2
	case what <= 5 && n > 2, what == 3:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return false
	case what == 6:
		w.Header().Set("Content-Type", typeProto)
		fmt.Fprint(w, partial(n, "not today"))
		return false
	}
	return true
}

type books struct {
	open             map[string]bool // not found at the receiver
	rejected, poison int
}

// send writes n records of a series until all are acknowledged or too large.
func send(t *testing.T, e *otlp.Exporter, series string, n int) books {
	b := books{open: map[string]bool{}}
	recs := sinktest.Records(series, 0, n)
	for _, id := range ids(series, 0, n) {
		b.open[id] = true
	}
	for len(recs) > 0 {
		batch := recs[:min(len(recs), 50)]
		done, err := e.Write(t.Context(), batch)
		if err == nil && done < len(batch) {
			t.Errorf("Write = %d of %d without an error", done, len(batch))
		}
		recs = recs[done:]
		if err == nil {
			continue
		}
		kind, rejected := exporters.Classify(err)
		b.rejected += rejected
		switch kind {
		case exporters.KindPoison:
			recs = recs[1:]
			b.poison++
		case exporters.KindPermanent:
			t.Errorf("nothing is refused for good: %v", err)
			return b
		}
	}
	return b
}
