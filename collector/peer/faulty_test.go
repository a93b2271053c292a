package peer_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/processors"
)

// faulty is an OTLP/HTTP server that answers the n-th request as the script
// says, and every one after the script's end as it should.
type faulty struct {
	script []answer

	mu   sync.Mutex
	used int
	// The server's own books.
	stored               map[string]int
	permanent, rejected  uint64
	largest, largestKept int // records of a request
}

// answer tells whether the script goes on behind it.
type answer func(f *faulty, w http.ResponseWriter, ids []string) (next bool)

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock() // a sender that got an answer may be faster than the handler that gave it
	defer f.mu.Unlock()
	var logs logspb.ExportLogsServiceRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &logs)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot) // dropped as permanent, which the books show
		return
	}
	var ids []string
	for _, resource := range logs.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, rec := range scope.LogRecords {
				ids = append(ids, strconv.FormatInt(rec.Attributes[0].Value.GetIntValue(), 10))
			}
		}
	}
	f.largest = max(f.largest, len(ids))
	if f.used == len(f.script) {
		take(f, w, ids)
	} else if f.script[f.used](f, w, ids) {
		f.used++
	}
}

func (f *faulty) store(ids []string) {
	for _, id := range ids {
		f.stored[id]++
	}
}

func take(f *faulty, w http.ResponseWriter, ids []string) bool {
	f.store(ids)
	w.Header().Set("Content-Type", "application/x-protobuf")
	return true
}

func busy(status int, retryAfter string) answer {
	return func(_ *faulty, w http.ResponseWriter, _ []string) bool {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		return true
	}
}

func refuse(status int) answer {
	return func(f *faulty, w http.ResponseWriter, ids []string) bool {
		f.permanent += uint64(len(ids))
		w.WriteHeader(status)
		return true
	}
}

// tooLarge takes no more than so many records at once.
func tooLarge(limit int) answer {
	return func(f *faulty, w http.ResponseWriter, ids []string) bool {
		if len(ids) > limit {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		}
		f.largestKept = max(f.largestKept, len(ids))
		return take(f, w, ids)
	}
}

// partly takes all but the first k.
func partly(k int) answer {
	return func(f *faulty, w http.ResponseWriter, ids []string) bool {
		k := min(k, len(ids))
		f.store(ids[k:])
		f.rejected += uint64(k)
		body, err := proto.Marshal(&logspb.ExportLogsServiceResponse{PartialSuccess: &logspb.ExportLogsPartialSuccess{
			RejectedLogRecords: int64(k), ErrorMessage: "too old",
		}})
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(body)
		return true
	}
}

// reset breaks the connection off without an answer, after the records were
// stored or without that.
func reset(stored bool) answer {
	return func(f *faulty, w http.ResponseWriter, ids []string) bool {
		if stored {
			f.store(ids)
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			err = conn.(*net.TCPConn).SetLinger(0)
		}
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			panic(err)
		}
		return true
	}
}

// cut stores the records and ends the connection within the answer.
func cut(f *faulty, w http.ResponseWriter, ids []string) bool {
	f.store(ids)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	fmt.Fprint(buffered, "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\n\x0a")
	if err := buffered.Flush(); err != nil {
		panic(err)
	}
	if err := conn.Close(); err != nil {
		panic(err)
	}
	return true
}

// Whatever a server does, the sender's books and the server's agree: what
// counts as delivered is there, what counts as dropped was refused.
func TestBooksAgreeWithFaultyServer(t *testing.T) {
	f := &faulty{
		stored: map[string]int{},
		script: []answer{
			take, busy(503, ""), busy(429, "1"), take, busy(502, ""), busy(504, "0"), take,
			partly(3), refuse(400), reset(false), reset(true), take, cut, take,
			refuse(401), tooLarge(100), partly(1), busy(429, ""), take, take, take, refuse(500),
		},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg := otlp.DefaultConfig()
	cfg.Endpoint, cfg.Timeout = server.URL+"/v1/logs", exporters.Duration(patience)
	sink, err := otlp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(t, sink, waiting)
	for range 30 { // so that there are more batches than answers
		s.send(400)
		s.flush()
	}
	if err := s.shutdown(patience); err != nil {
		t.Error(err)
	}
	server.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used != len(f.script) {
		t.Errorf("%d of %d answers were given", f.used, len(f.script))
	}
	if f.largest <= 100 || f.largestKept > 100 {
		t.Errorf("requests of up to %d records, up to %d where more than 100 were too large", f.largest, f.largestKept)
	}
	s.balance(map[string]uint64{processors.CausePermanent: f.permanent, processors.CauseRejected: f.rejected})
	t.Logf("%d of %d records arrived again", s.arrived(f.stored), s.sent)
}
