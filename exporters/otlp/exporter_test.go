package otlp_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a receiver of OTLP/HTTP that checks what it gets.
type receiver struct {
	*httptest.Server
	t testing.TB
	// answer, unless it is nil, answers request number call, which holds n
	// records; if it returns true these are kept as taken.
	answer func(w http.ResponseWriter, call, n int) bool
	// encodings are the compressions it takes; nil for all.
	encodings []string

	mu       sync.Mutex
	ids      []string
	requests []request
}

type request struct {
	header  http.Header
	path    string
	size    int // of the body, unpacked
	records int
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{t: t}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) endpoint() string { return r.URL + "/v1/logs" }

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	encoding := req.Header.Get("Content-Encoding")
	if r.encodings != nil && !slices.Contains(r.encodings, encoding) {
		http.Error(w, "unsupported encoding", http.StatusUnsupportedMediaType)
		return
	}
	body, err := unpack(req.Body, encoding)
	if err != nil {
		r.t.Errorf("body: %v", err)
		return
	}
	var logs logspb.LogsData
	switch kind := req.Header.Get("Content-Type"); kind {
	case "application/x-protobuf":
		err = proto.Unmarshal(body, &logs)
	case "application/json":
		err = protojson.Unmarshal(body, &logs)
	default:
		r.t.Errorf("content type %q", kind)
	}
	if err != nil {
		r.t.Errorf("request: %v", err)
	}
	n := 0
	for _, rl := range logs.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			n += len(sl.LogRecords)
		}
	}
	r.mu.Lock()
	call := len(r.requests)
	r.requests = append(r.requests, request{req.Header, req.URL.Path, len(body), n})
	r.mu.Unlock()
	if r.answer == nil || r.answer(w, call, n) {
		r.mu.Lock()
		r.ids = append(r.ids, sinktest.IDs(body)...)
		r.mu.Unlock()
	}
}

func unpack(body io.Reader, encoding string) ([]byte, error) {
	switch encoding {
	case "gzip":
		zr, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = zr
	case "zstd":
		zr, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer zr.Close()
		body = zr
	}
	return io.ReadAll(body)
}

// read returns the ids that were taken.
func (r *receiver) read() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

func (r *receiver) seen() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// config is DefaultConfig for an endpoint, and for a test that hangs.
func config(endpoint string, change ...func(*otlp.Config)) otlp.Config {
	c := otlp.DefaultConfig()
	c.Endpoint = endpoint
	c.Timeout = exporters.Duration(20 * time.Second)
	for _, f := range change {
		f(&c)
	}
	return c
}

func newExporter(t testing.TB, c otlp.Config) *otlp.Exporter {
	t.Helper()
	e, err := otlp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return e
}

func TestSink(t *testing.T) {
	for name, change := range map[string]func(*otlp.Config){
		"protobuf": func(*otlp.Config) {},
		"json":     func(c *otlp.Config) { c.Encoding = "json" },
		"gzip":     func(c *otlp.Config) { c.Compression = "gzip" },
		"zstd":     func(c *otlp.Config) { c.Compression = "zstd" },
		"small":    func(c *otlp.Config) { c.MaxRequestSize = 2 * exporters.KiB },
		"several": func(c *otlp.Config) {
			c.Endpoint, c.Endpoints = "", []string{c.Endpoint, "http://127.0.0.1:1/v1/logs"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				r := newReceiver(t)
				e, err := otlp.New(config(r.endpoint(), change))
				if err != nil {
					t.Fatal(err)
				}
				return e, r.read
			}})
		})
	}
}

func TestRequest(t *testing.T) {
	r := newReceiver(t)
	for _, encoding := range []string{"protobuf", "json"} {
		for _, compression := range []string{"none", "gzip", "zstd"} {
			t.Run(encoding+" "+compression, func(t *testing.T) {
				e := newExporter(t, config(r.URL+"/otlp/v1/logs", func(c *otlp.Config) {
					c.Encoding, c.Compression = encoding, compression
					c.Headers = map[string]exporters.Secret{"X-Tenant": "shop"}
					c.HeadersList = "x-tenant=other,api-key=a%20b"
				}))
				if n, err := e.Write(t.Context(), sinktest.Records("head", 0, 3)); n != 3 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
				seen := r.seen()
				got := seen[len(seen)-1]
				want := http.Header{
					"Content-Type":     {map[string]string{"protobuf": "application/x-protobuf", "json": "application/json"}[encoding]},
					"Content-Encoding": {map[string]string{"none": "", "gzip": "gzip", "zstd": "zstd"}[compression]},
					"X-Tenant":         {"shop"},
					"Api-Key":          {"a b"},
				}
				for name := range want {
					if got.header.Get(name) != want.Get(name) {
						t.Errorf("%s: %q, want %q", name, got.header.Get(name), want.Get(name))
					}
				}
				if agent := got.header.Get("User-Agent"); !strings.Contains(agent, "OTel-OTLP-Exporter-Go/") {
					t.Errorf("User-Agent: %q", agent)
				}
				if got.path != "/otlp/v1/logs" || got.records != 3 {
					t.Errorf("%d records at %s", got.records, got.path)
				}
			})
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	const limit = 4 << 10
	for _, encoding := range []string{"protobuf", "json"} {
		t.Run(encoding, func(t *testing.T) {
			r := newReceiver(t)
			e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) {
				c.Encoding, c.MaxRequestSize = encoding, limit
			}))
			recs := sinktest.Records("size", 0, 100)
			recs[50].SeverityText = strings.Repeat("x", 2*limit) // alone larger than a request
			if n, err := e.Write(t.Context(), recs); n != len(recs) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			if got := r.read(); !slices.Equal(got, ids("size", 0, 100)) {
				t.Errorf("arrived: %v", got)
			}
			requests := r.seen()
			if len(requests) > 20 {
				t.Errorf("%d requests", len(requests))
			}
			for _, req := range requests {
				if req.size > limit && req.records != 1 {
					t.Errorf("a request of %d records has %d bytes", req.records, req.size)
				}
			}
		})
	}
}

func ids(series string, from, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = sinktest.ID(series, from+i)
	}
	return all
}

// stored returns recs as a disk queue keeps them.
func stored(recs []record.Record) []encode.OTLPRecord {
	enc := encode.OTLPProto()
	origins := make(map[*record.Origin]*encode.OTLPOrigin)
	all := make([]encode.OTLPRecord, len(recs))
	for i := range recs {
		o := recs[i].Origin
		if origins[o] == nil {
			origins[o] = &encode.OTLPOrigin{Resource: enc.AppendResourceFields(nil, o), Scope: enc.AppendScopeFields(nil, o)}
		}
		all[i] = encode.OTLPRecord{Origin: origins[o], Log: enc.AppendLog(nil, &recs[i]), UID: "uid"}
	}
	return all
}

func TestForwards(t *testing.T) {
	r := newReceiver(t)
	for name, change := range map[string]func(*otlp.Config){
		"one":     func(c *otlp.Config) { c.MaxRequestSize = exporters.KiB },
		"several": func(c *otlp.Config) { c.Endpoint, c.Endpoints = "", []string{c.Endpoint, c.Endpoint} },
	} {
		t.Run(name, func(t *testing.T) {
			before := len(r.read())
			e := newExporter(t, config(r.endpoint(), change))
			if !e.Forwards() {
				t.Fatal("does not forward")
			}
			if n, err := e.WriteOTLP(t.Context(), stored(sinktest.Records("enc", 0, 40))); n != 40 || err != nil {
				t.Fatalf("WriteOTLP = %d, %v", n, err)
			}
			if got := r.read()[before:]; !slices.Equal(got, ids("enc", 0, 40)) {
				t.Errorf("arrived: %v", got)
			}
		})
	}
	t.Run("json", func(t *testing.T) {
		e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) { c.Encoding = "json" }))
		n, err := e.WriteOTLP(t.Context(), stored(sinktest.Records("enc", 0, 1)))
		if e.Forwards() || n != 0 || err == nil {
			t.Errorf("WriteOTLP = %d, %v", n, err)
		}
	})
}

func TestSeveralEndpoints(t *testing.T) {
	first, second := newReceiver(t), newReceiver(t)
	first.answer = func(w http.ResponseWriter, _, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	}
	e := newExporter(t, config("", func(c *otlp.Config) { c.Endpoints = []string{first.endpoint(), second.endpoint()} }))
	if n, err := e.Write(t.Context(), sinktest.Records("over", 0, 5)); n != 5 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if got := second.read(); len(got) != 5 || len(first.seen()) != 1 {
		t.Errorf("the second got %v, the first %d requests", got, len(first.seen()))
	}
	if d, ok := exporters.As[exporters.Detourer](e); !ok || d.Counts().Detoured() != 5 {
		t.Error("the detour is not counted")
	}
	// What a record is refused for would be the same elsewhere.
	first.answer = func(w http.ResponseWriter, _, _ int) bool {
		w.WriteHeader(http.StatusBadRequest)
		return false
	}
	third := newReceiver(t)
	e = newExporter(t, config("", func(c *otlp.Config) { c.Endpoints = []string{first.endpoint(), third.endpoint()} }))
	if _, err := e.Write(t.Context(), sinktest.Records("over", 5, 1)); err == nil || len(third.read()) > 0 {
		t.Errorf("Write: %v", err)
	}
}
