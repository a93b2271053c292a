package otlp_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

const (
	typeProto = "application/x-protobuf"
	typeJSON  = "application/json"
)

// status is a google.rpc.Status in protobuf.
func status(message string) string {
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, 3)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return string(protowire.AppendString(b, message))
}

// partial is an ExportLogsServiceResponse in protobuf.
func partial(rejected int, message string) string {
	var b []byte
	if rejected != 0 {
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(rejected))
	}
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendString(b, message)
	return string(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), b))
}

func TestAnswers(t *testing.T) {
	type header = map[string]string
	for _, c := range []struct {
		status   int
		header   header
		body     string
		n        int // of 4
		kind     exporters.Kind
		rejected int
		after    time.Duration
		want     string // in the error; "" for none
	}{
		{status: 200, n: 4},
		{status: 200, header: header{"Content-Type": typeProto}, n: 4},
		{status: 202, n: 4},
		{status: 204, n: 4},
		{status: 200, header: header{"Content-Type": "text/plain"}, body: "ok", n: 4},
		{status: 200, header: header{"Content-Type": typeProto}, body: "\xff\xff garbage", n: 4},
		{status: 200, header: header{"Content-Type": typeJSON}, body: "garbage", n: 4},
		{status: 200, header: header{"Content-Type": typeProto}, body: partial(0, "use gzip"), n: 4},
		{
			status: 200, header: header{"Content-Type": typeProto}, body: partial(3, "too\nold"),
			n: 4, kind: exporters.KindRejected, rejected: 3, want: "partial success: too old",
		},
		{
			status: 200, header: header{"Content-Type": typeProto}, body: partial(1000, ""),
			n: 4, kind: exporters.KindRejected, rejected: 4, want: "partial success",
		},
		{status: 200, header: header{"Content-Type": typeProto}, body: partial(-1, "?"), n: 4},
		{
			status: 200, header: header{"Content-Type": typeJSON + "; charset=utf-8"},
			body: `{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"\u001b[31m"}}`,
			n:    4, kind: exporters.KindRejected, rejected: 2, want: `partial success: \u001b[31m`,
		},
		{status: 200, header: header{"Content-Type": "text/html; charset=utf-8"}, body: "<h1>Sign in</h1>", want: "web page"},
		{status: 302, header: header{"Location": "https://elsewhere.test/?token=hunter2"}, want: "redirects are not followed"},
		{status: 308, want: "redirects are not followed"},
		{
			status: 400, header: header{"Content-Type": typeProto}, body: status("bad \x1b[31mlog\r\n"),
			kind: exporters.KindPermanent, want: `status 400 Bad Request: bad \u001b[31mlog`,
		},
		{
			status: 400, header: header{"Content-Type": typeJSON}, body: `{"code":3,"message":"bad log"}`,
			kind: exporters.KindPermanent, want: "status 400 Bad Request: bad log",
		},
		{status: 401, kind: exporters.KindPermanent, want: "status 401 Unauthorized"},
		{
			status: 403, header: header{"Content-Type": "text/plain"}, body: "key hunter2-hunter2 is revoked",
			kind: exporters.KindPermanent, want: "status 403 Forbidden: key [REDACTED] is revoked",
		},
		{status: 404, header: header{"Content-Type": "text/html"}, body: "<html>", kind: exporters.KindPermanent, want: "status 404 Not Found"},
		{status: 405, kind: exporters.KindPermanent, want: "status 405"},
		{status: 407, header: header{"Retry-After": "7"}, after: 7 * time.Second, kind: exporters.KindPermanent, want: "status 407"},
		{status: 408, kind: exporters.KindPermanent, want: "status 408"},
		{status: 429, header: header{"Retry-After": "7"}, after: 7 * time.Second, want: "(retry after 7s)"},
		{status: 429, want: "status 429"},
		{status: 500, kind: exporters.KindPermanent, want: "status 500"},
		{status: 501, kind: exporters.KindPermanent, want: "status 501"},
		{status: 502, header: header{"Content-Type": "text/html"}, body: "<html>", want: "status 502"},
		{status: 503, header: header{"Retry-After": "3600"}, after: 2 * time.Minute, want: "status 503"},
		{status: 503, header: header{"Retry-After": time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat)}, after: 2 * time.Minute, want: "status 503"},
		{status: 504, header: header{"Content-Type": "text/plain"}, body: strings.Repeat("x", 10000), want: "x…"},
		{status: 599, kind: exporters.KindPermanent, want: "status 599"},
	} {
		t.Run(fmt.Sprintf("%d %s %.20q", c.status, c.header["Content-Type"], c.body), func(t *testing.T) {
			r := newReceiver(t)
			r.answer = func(w http.ResponseWriter, _, _ int) bool {
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
				return false
			}
			e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) {
				c.Headers = map[string]exporters.Secret{"Authorization": "Bearer hunter2-hunter2"}
			}))
			n, err := e.Write(t.Context(), sinktest.Records("ans", 0, 4))
			if n != c.n || (err == nil) != (c.want == "") {
				t.Fatalf("Write = %d, %v", n, err)
			}
			if len(r.seen()) != 1 {
				t.Errorf("%d requests", len(r.seen()))
			}
			if err == nil {
				return
			}
			if kind, rejected := exporters.Classify(err); kind != c.kind || rejected != c.rejected {
				t.Errorf("kind %d with %d rejected: %v", kind, rejected, err)
			}
			misconfigured := slices.Contains([]int{401, 403, 404, 405, 407}, c.status)
			if exporters.IsMisconfigured(err) != misconfigured {
				t.Errorf("misconfigured: %v; want %v", !misconfigured, misconfigured)
			}
			var after time.Duration
			if ra, ok := errors.AsType[exporters.RetryAfterer](err); ok {
				after = ra.RetryAfter()
			}
			if after != c.after {
				t.Errorf("retry after %s, want %s", after, c.after)
			}
			text := err.Error()
			if !strings.Contains(text, c.want) || !strings.Contains(text, r.URL) || strings.Contains(text, "hunter2") || len(text) > 800 {
				t.Errorf("error: %s\nwant %q", text, c.want)
			}
		})
	}
}

// refuseAbove answers 413 to requests of more than most records.
func refuseAbove(most int) func(http.ResponseWriter, int, int) bool {
	return func(w http.ResponseWriter, _, n int) bool {
		if n > most {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		}
		return true
	}
}

func sizes(requests []request) (all []int) {
	for _, r := range requests {
		all = append(all, r.records)
	}
	return all
}

func TestTooLargeIsSplit(t *testing.T) {
	r := newReceiver(t)
	r.answer = refuseAbove(3)
	e := newExporter(t, config(r.endpoint()))
	if n, err := e.Write(t.Context(), sinktest.Records("half", 0, 10)); n != 10 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if got := r.read(); !slices.Equal(got, ids("half", 0, 10)) {
		t.Errorf("arrived: %v", got)
	}
	if got, want := sizes(r.seen()), []int{10, 5, 2, 2, 2, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("requests of %v records, want %v", got, want)
	}
	if n, err := e.WriteOTLP(t.Context(), stored(sinktest.Records("half", 10, 10))); n != 10 || err != nil {
		t.Fatalf("WriteOTLP = %d, %v", n, err)
	}
	if got := r.read(); !slices.Equal(got, ids("half", 0, 20)) {
		t.Errorf("arrived: %v", got)
	}
}

// After the records that were too many the next request is a whole one.
func TestSplittingIsForgotten(t *testing.T) {
	r := newReceiver(t)
	refused := false
	r.answer = func(w http.ResponseWriter, _, n int) bool {
		if !refused {
			refused = true
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		}
		return true
	}
	e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) { c.MaxRequestSize = 2 * exporters.KiB }))
	if n, err := e.Write(t.Context(), sinktest.Records("once", 0, 100)); n != 100 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	got := sizes(r.seen())
	if got[1] != got[0]/2 || got[2] != got[0]-got[0]/2 && got[2] != got[0]/2 || slices.Max(got[3:]) < got[0]-1 {
		t.Errorf("requests of %v records", got)
	}
}

func TestTooLargeAloneIsPoison(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(w http.ResponseWriter, call, n int) bool {
		w.Header().Set("Content-Type", typeProto)
		if call == 1 { // the second half, after the whole
			_, _ = w.Write([]byte(partial(1, "too old")))
			return true
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return false
	}
	e := newExporter(t, config(r.endpoint()))
	n, err := e.Write(t.Context(), sinktest.Records("big", 0, 4))
	if kind, rejected := exporters.Classify(err); n != 2 || kind != exporters.KindPoison || rejected != 1 {
		t.Errorf("Write = %d, %v (kind %d, %d rejected)", n, err, kind, rejected)
	}
	if got, want := sizes(r.seen()), []int{4, 2, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("requests of %v records, want %v", got, want)
	}
}

// What was delivered before a failure is told, and so is what was rejected.
func TestFailureInTheMiddle(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(w http.ResponseWriter, call, n int) bool {
		if call < 2 {
			w.Header().Set("Content-Type", typeProto)
			_, _ = w.Write([]byte(partial(1, "too old")))
			return true
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	}
	e := newExporter(t, config(r.endpoint(), func(c *otlp.Config) { c.MaxRequestSize = exporters.KiB }))
	n, err := e.Write(t.Context(), sinktest.Records("mid", 0, 100))
	if got := r.read(); n == 0 || n != len(got) || n == 100 {
		t.Errorf("Write = %d, %d arrived", n, len(got))
	}
	if kind, rejected := exporters.Classify(err); kind != exporters.KindRejected || rejected != 2 || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v (kind %d, %d rejected)", err, kind, rejected)
	}
}

func TestZstdWhereTaken(t *testing.T) {
	encodings := func(r *receiver) (all []string) {
		for _, req := range r.seen() {
			all = append(all, req.header.Get("Content-Encoding"))
		}
		return all
	}
	write := func(t *testing.T, e *otlp.Exporter, n int) (err error) {
		t.Helper()
		_, err = e.Write(t.Context(), sinktest.Records("zst", n, 1))
		return err
	}
	zstd := func(c *otlp.Config) { c.Compression = "zstd" }

	t.Run("415", func(t *testing.T) {
		r := newReceiver(t)
		r.encodings = []string{"gzip"}
		e := newExporter(t, config(r.endpoint(), zstd))
		for i := range 2 {
			if err := write(t, e, i); err != nil {
				t.Fatal(err)
			}
		}
		if got := encodings(r); !slices.Equal(got, []string{"gzip", "gzip"}) || !slices.Equal(r.read(), ids("zst", 0, 2)) {
			t.Errorf("taken: %q", got)
		}
	})
	t.Run("415 to gzip as well", func(t *testing.T) {
		r := newReceiver(t)
		r.encodings = []string{""}
		e := newExporter(t, config(r.endpoint(), zstd))
		if kind, _ := exporters.Classify(write(t, e, 0)); kind != exporters.KindPermanent {
			t.Errorf("kind %d", kind)
		}
	})
	t.Run("400 to zstd", func(t *testing.T) {
		r := newReceiver(t)
		r.answer = func(w http.ResponseWriter, call, _ int) bool {
			if call == 0 {
				w.WriteHeader(http.StatusBadRequest)
			}
			return call > 0
		}
		e := newExporter(t, config(r.endpoint(), zstd))
		for i := range 2 {
			if err := write(t, e, i); err != nil {
				t.Fatal(err)
			}
		}
		if got := encodings(r); !slices.Equal(got, []string{"zstd", "gzip", "gzip"}) {
			t.Errorf("sent: %q", got)
		}
	})
	t.Run("400 to bad records", func(t *testing.T) {
		r := newReceiver(t)
		bad := func(w http.ResponseWriter, call, _ int) bool {
			if call < 2 || call == 3 {
				w.WriteHeader(http.StatusBadRequest)
				return false
			}
			return true
		}
		r.answer = bad
		e := newExporter(t, config(r.endpoint(), zstd))
		for i, want := range []exporters.Kind{exporters.KindPermanent, -1, exporters.KindPermanent} {
			err := write(t, e, i)
			if kind, _ := exporters.Classify(err); (err == nil) != (want == -1) || err != nil && kind != want {
				t.Errorf("write %d: %v", i, err)
			}
		}
		// Once zstd is known to be taken, 400 says something about records.
		if got := encodings(r); !slices.Equal(got, []string{"zstd", "gzip", "zstd", "zstd"}) {
			t.Errorf("sent: %q", got)
		}
	})
}
