package otlpgrpc_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func series(name string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = sinktest.ID(name, i)
	}
	return ids
}

// big returns records, one of them of some 100 kB.
func big(n, at int) []record.Record {
	recs := sinktest.Records("size", 0, n)
	recs[at].Attributes = append(recs[at].Attributes, attribute.String("big", strings.Repeat("x", 100_000)))
	return recs
}

// Requests keep to the limit; one record that alone is larger is sent alone.
func TestMaxRequestSize(t *testing.T) {
	s := serve(t, new(server))
	c := config(s.addr)
	c.MaxRequestSize = 2000
	n, err := newExporter(t, c).Write(t.Context(), big(100, 42))
	if n != 100 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if got := s.ids(t); !slices.Equal(got, series("size", 100)) {
		t.Errorf("arrived: %q", got)
	}
	over := 0
	for _, in := range s.taken {
		if proto.Size(in) > 2000 {
			over++
			if n := len(in.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()); n != 1 {
				t.Errorf("%d records in a request over the limit, want 1", n)
			}
		}
	}
	if over != 1 {
		t.Errorf("%d requests over the limit, want that of the big record", over)
	}
}

// A default request is one that a server takes by default.
func TestDefaultMaxRequestSize(t *testing.T) {
	s := serve(t, new(server))
	recs := sinktest.Records("full", 0, 60)
	for i := range recs {
		recs[i].Attributes = append(recs[i].Attributes, attribute.String("big", strings.Repeat("x", 100_000)))
	}
	if n, err := newExporter(t, config(s.addr)).Write(t.Context(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if calls, taken := s.requests(); calls != 2 || taken != 2 {
		t.Errorf("%d calls, %d taken; want 2 of 6 MB", calls, taken)
	}
}

// What the server finds too large is split; the record that alone is too large
// is poison.
func TestTooLargeForTheServer(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			s := serve(t, new(server), grpc.MaxRecvMsgSize(1000))
			c := config(s.addr)
			c.Compression = compression
			e := newExporter(t, c)
			recs := big(50, 30)
			n, err := e.Write(t.Context(), recs)
			if kind, _ := exporters.Classify(err); n != 30 || kind != exporters.KindPoison {
				t.Fatalf("Write = %d, %v (kind %d); want 30 delivered and the next poison", n, err, kind)
			}
			if n, err := e.Write(t.Context(), recs[31:]); n != 19 || err != nil {
				t.Fatalf("Write of the rest = %d, %v", n, err)
			}
			want := slices.Delete(series("size", 50), 30, 31)
			if got := s.ids(t); !slices.Equal(got, want) {
				t.Errorf("arrived: %q", got)
			}
		})
	}
}

// How servers in other languages, and proxies, say that.
func TestTooLargeInOtherWords(t *testing.T) {
	for message, code := range map[string]codes.Code{
		"SERVER: Received message larger than max (5000000 vs. 4194304)":                            codes.ResourceExhausted,
		"gRPC message exceeds maximum size 4194304: 5000000":                                        codes.ResourceExhausted,
		"Decompressed gRPC message exceeds maximum size 4194304":                                    codes.ResourceExhausted,
		"Received message exceeds the maximum configured message size.":                             codes.ResourceExhausted,
		"Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes": codes.OutOfRange,
		"unexpected HTTP status code received from server: 413 (Request Entity Too Large)":          codes.Unknown,
		"grpc: received message after decompression larger than max 4194304":                        codes.ResourceExhausted,
		"grpc: received message larger than max (5000000 vs. 4194304)":                              codes.ResourceExhausted,
	} {
		t.Run(message, func(t *testing.T) {
			s := serve(t, &server{respond: func(_ context.Context, in *logspb.LogsData) (proto.Message, error) {
				if len(in.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()) > 1 {
					return nil, status.Error(code, message)
				}
				return raw(nil), nil
			}})
			e := newExporter(t, config(s.addr))
			if n, err := e.Write(t.Context(), sinktest.Records("words", 0, 4)); n != 4 || err != nil {
				t.Errorf("Write = %d, %v; want the request split", n, err)
			}
			if calls, taken := s.requests(); calls != 6 || taken != 4 {
				t.Errorf("%d calls, %d taken; want 4, 2 and then each alone", calls, taken)
			}
		})
	}
}
