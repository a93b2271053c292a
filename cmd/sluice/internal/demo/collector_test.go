package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// openCollector returns a collector and the file in which it keeps records.
func openCollector(t *testing.T) (c *collector, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "collector.jsonl")
	c, err := startCollector(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c, path
}

func TestCollectorCountsByID(t *testing.T) {
	id := func(queue, n int) string { return fmt.Sprintf("%016x-%016x", queue, n) }
	for name, tc := range map[string]struct {
		ids               []string
		arrived, repeated uint64
	}{
		"in order":          {[]string{id(1, 0), id(1, 1), id(1, 2)}, 3, 0},
		"again":             {[]string{id(1, 1), id(1, 2), id(1, 1), id(1, 2), id(1, 3)}, 3, 2},
		"the first again":   {[]string{id(1, 0), id(1, 0)}, 1, 1},
		"some dropped":      {[]string{id(1, 1), id(1, 10)}, 2, 0},
		"another queue":     {[]string{id(1, 1), id(2, 1), id(1, 2), id(2, 1)}, 3, 1},
		"hexadecimal":       {[]string{id(0xa, 0xf), id(0xa, 0x10)}, 2, 0},
		"ids of another":    {[]string{"01JD3Z-1", "01JD3Z-1", "-", id(1, 1)[1:], id(1, 1) + "0", "000000000000000x-000000000000000x"}, 6, 0},
		"without":           {[]string{"", ""}, 2, 0},
		"number of no sign": {[]string{"0000000000000001-+000000000000001", "0000000000000001-+000000000000001"}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := openCollector(t)
			for _, id := range tc.ids {
				r := record.Record{Body: attribute.StringValue("x")}
				if id != "" {
					r.AddAttributes(attribute.String(string(semconv.LogRecordUIDKey), id))
				}
				if _, err := c.take(t.Context(), encode.OTLPProto().Append(nil, &r)); err != nil {
					t.Fatal(err)
				}
			}
			if arrived, repeated := c.counts(); arrived != tc.arrived || repeated != tc.repeated {
				t.Errorf("%d arrived and %d again, want %d and %d", arrived, repeated, tc.arrived, tc.repeated)
			}
		})
	}
}

// While it is down nothing arrives, and the exporter knows that it is to try
// again; what is sent afterwards is in the file.
func TestCollectorIsDownForAWhile(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "collector.jsonl")
	c, err := startCollector(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg := otlp.DefaultConfig()
	cfg.Endpoint = c.endpoint
	e, err := otlp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	recs := sinktest.Records("outage", 0, 10)
	write := func(from, to int) error {
		n, err := e.Write(t.Context(), recs[from:to])
		if err == nil && n != to-from {
			err = fmt.Errorf("%d records taken of %d", n, to-from)
		}
		return err
	}
	if err := write(0, 5); err != nil {
		t.Error(err)
	}
	c.down.Store(true)
	err = write(5, 10)
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable {
		t.Errorf("while it is down: %v, want an error worth another try", err)
	}
	if arrived, _ := c.counts(); arrived != 5 {
		t.Errorf("%d records arrived before the outage, want 5", arrived)
	}
	c.down.Store(false)
	if err := write(5, 10); err != nil {
		t.Error(err)
	}
	if err := errors.Join(e.Shutdown(t.Context()), c.close(t.Context())); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(path)
	if n := bytes.Count(kept, []byte("\n")); n != len(recs) || err != nil {
		t.Errorf("the file has %d lines, want %d; %v", n, len(recs), err)
	}
}

func TestCollectorRefuses(t *testing.T) {
	const protobuf = "application/x-protobuf"
	c, _ := openCollector(t)
	for name, tc := range map[string]struct {
		kind, packed string
		body         []byte
		status       int
	}{
		"JSON":       {"application/json", "", []byte("{}"), http.StatusUnsupportedMediaType},
		"compressed": {protobuf, "gzip", nil, http.StatusUnsupportedMediaType},
		"broken":     {protobuf, "", []byte{0x0a, 0xff}, http.StatusBadRequest},
		"too large":  {protobuf, "", make([]byte, maxRequest+1), http.StatusRequestEntityTooLarge},
		"nothing":    {protobuf, "", nil, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.endpoint, bytes.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tc.kind)
			if tc.packed != "" {
				req.Header.Set("Content-Encoding", tc.packed)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
		})
	}
	if arrived, repeated := c.counts(); arrived+repeated != 0 {
		t.Errorf("%d records arrived", arrived+repeated)
	}
}
