package main

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// receiver keeps what is sent to it.
type receiver struct {
	logspb.UnimplementedLogsServiceServer
	mu       sync.Mutex
	requests []*logspb.ExportLogsServiceRequest
	encoding string
}

func (r *receiver) Export(_ context.Context, req *logspb.ExportLogsServiceRequest) (*logspb.ExportLogsServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	return &logspb.ExportLogsServiceResponse{}, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body := io.Reader(req.Body)
	if r.encoding = req.Header.Get("Content-Encoding"); r.encoding == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	var logs logspb.ExportLogsServiceRequest
	content, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(content, &logs)
	}
	if err != nil || req.URL.Path != "/v1/logs" {
		http.Error(w, "no OTLP", http.StatusBadRequest)
		return
	}
	_, _ = r.Export(req.Context(), &logs)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// receive starts a receiver on both transports and gives the job its
// addresses.
func receive(t *testing.T, j *job) *receiver {
	t.Helper()
	r := &receiver{}
	overHTTP := httptest.NewServer(r)
	t.Cleanup(overHTTP.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	overGRPC := grpc.NewServer()
	logspb.RegisterLogsServiceServer(overGRPC, r)
	go func() { _ = overGRPC.Serve(l) }()
	t.Cleanup(overGRPC.Stop)
	j.HTTP, j.GRPC = overHTTP.URL, "http://"+l.Addr().String()
	return r
}

// All contestants send the same records, each once.
func TestOTLPContestantsSendTheSame(t *testing.T) {
	const records = 200
	for _, transport := range []string{overHTTP, overHTTPGzip, overGRPC} {
		for _, c := range otlpContestants() {
			t.Run(transport+"/"+c.name, func(t *testing.T) {
				j := job{Kind: kindOTLP, Contestant: c.name, Sink: transport, Goroutines: 2, Records: records, Dir: t.TempDir()}
				r := receive(t, &j)
				if _, err := j.run(); err != nil {
					t.Fatal(err)
				}
				if gzipped := r.encoding == "gzip"; gzipped != (transport == overHTTPGzip) {
					t.Errorf("Content-Encoding %q", r.encoding)
				}
				attributes := 5
				if c.name == sluiceSpooled {
					attributes++ // log.record.uid, by which a receiver knows what it gets again
				}
				seen := map[int64]int{}
				for _, req := range r.requests {
					for _, resource := range req.ResourceLogs {
						for _, scope := range resource.ScopeLogs {
							if scope.Scope.GetName() != loggerName {
								t.Fatalf("logger %q", scope.Scope.GetName())
							}
							for _, rec := range scope.LogRecords {
								if rec.Body.GetStringValue() != message || len(rec.Attributes) != attributes {
									t.Fatalf("record %v", rec)
								}
								seen[idOf(rec.Attributes)]++
							}
						}
					}
				}
				for id := range int64(records) {
					if seen[id] != 1 {
						t.Errorf("id %d arrived %d times", id, seen[id])
					}
				}
			})
		}
	}
}

func idOf(attributes []*commonpb.KeyValue) int64 {
	for _, kv := range attributes {
		if kv.Key == keyID {
			return kv.Value.GetIntValue()
		}
	}
	return -1
}
