package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/record"
)

const (
	// maxRequest bounds a request's body, in bytes, as the Collector does.
	maxRequest = 20 << 20
	// maxQueues bounds the queues that are remembered: ids come from outside.
	maxQueues = 1024
)

// collector stands in for an OpenTelemetry Collector: it takes OTLP over HTTP
// on a loopback port and keeps the records in a file. It can be down for a
// while.
type collector struct {
	endpoint string
	stop     func() error
	file     *file.Exporter
	down     atomic.Bool

	mu   sync.Mutex
	dec  decode.OTLPProto
	recs []record.Record
	// last has for each disk queue the highest number that arrived from it.
	last              map[string]uint64
	arrived, repeated uint64
}

// startCollector returns a collector that keeps records in the file at path.
func startCollector(path string) (*collector, error) {
	cfg := file.DefaultConfig()
	cfg.Path = path
	cfg.Rotation.MaxSize = 16 * exporters.MiB
	cfg.Rotation.Naming = "numbered"
	cfg.Retention.MaxFiles = 1
	f, err := file.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("demo: collector: %w", err)
	}
	c := &collector{file: f, last: map[string]uint64{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/logs", c.logs)
	url, stop, err := serve(mux, nil)
	if err != nil {
		return nil, errors.Join(err, f.Shutdown(context.Background()))
	}
	c.endpoint, c.stop = url+"/v1/logs", stop
	return c, nil
}

func (c *collector) close(ctx context.Context) error {
	return errors.Join(c.stop(), c.file.Shutdown(ctx))
}

// logs answers as https://opentelemetry.io/docs/specs/otlp/#otlphttp says.
func (c *collector) logs(w http.ResponseWriter, r *http.Request) {
	if c.down.Load() {
		hangUp(w)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-protobuf" || r.Header.Get("Content-Encoding") != "" {
		http.Error(w, "the demo's collector takes protobuf, not compressed", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	if status, err := c.take(r.Context(), body); err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	// An ExportLogsServiceResponse without fields is no bytes at all.
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// hangUp breaks the connection off, as the end of a process does. The port
// stays taken all the while: another program on it would get the records.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// take keeps the records of a request. With an error it returns the status to
// answer.
func (c *collector) take(ctx context.Context, body []byte) (status int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		clear(c.recs)
		c.recs = c.recs[:0]
	}()
	if err := c.dec.Decode(body, func(r *record.Record) { c.recs = append(c.recs, r.Clone()) }); err != nil {
		return http.StatusBadRequest, err
	}
	n, err := c.file.Write(ctx, c.recs)
	for i := range c.recs[:n] {
		c.count(&c.recs[i])
	}
	return http.StatusServiceUnavailable, err
}

// count notes by its id that a record has arrived. A queue numbers its records
// and delivers them in that order: what is not above the highest has been here
// before.
func (c *collector) count(r *record.Record) {
	id, _ := r.Attr(semconv.LogRecordUIDKey)
	if queue, n, ok := parseUID(id.AsString()); ok {
		last, known := c.last[queue]
		if known && n <= last {
			c.repeated++
			return
		}
		if known || len(c.last) < maxQueues {
			c.last[queue] = n
		}
	}
	c.arrived++
}

// parseUID takes the id that a disk queue gives a record apart: the queue's own
// and the record's number, both of 16 hexadecimal digits.
func parseUID(id string) (queue string, n uint64, ok bool) {
	queue, number, ok := strings.Cut(id, "-")
	if !ok || len(queue) != 16 || len(number) != 16 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(number, 16, 64)
	return queue, n, err == nil
}

// counts returns how many different records have arrived, and how often one
// came again.
func (c *collector) counts() (arrived, repeated uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.arrived, c.repeated
}
