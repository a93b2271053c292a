package otlpgrpc

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func TestParseEndpoint(t *testing.T) {
	tls := exporters.TLS{CAFile: "ca.pem"}
	for s, want := range map[string]struct {
		target                   string
		secure, insecure, strict bool // with TLS: as it is, with Insecure, with settings for TLS
	}{
		"http://host:4317":           {"dns:///host:4317", false, false, false},
		"HTTP://host:4317/":          {"dns:///host:4317", false, false, false},
		"https://host:4317":          {"dns:///host:4317", true, true, true},
		"http://host":                {"dns:///host:80", false, false, false},
		"https://host":               {"dns:///host:443", true, true, true},
		"https://[::1]:4317":         {"dns:///%5B::1%5D:4317", true, true, true},
		"http://[fe80::1%25lo]:4317": {"dns:///%5Bfe80::1%25lo%5D:4317", false, false, false},
		"host:4317":                  {"dns:///host:4317", true, false, true},
		"[::1]:4317":                 {"dns:///%5B::1%5D:4317", true, false, true},
		"10.0.0.1:4317":              {"dns:///10.0.0.1:4317", true, false, true},
		"dns:4317":                   {"dns:///dns:4317", true, false, true},
		"dns:///host:4317":           {"dns:///host:4317", true, false, true},
		"dns://8.8.8.8/host:4317":    {"dns://8.8.8.8/host:4317", true, false, true},
		"passthrough:///host:4317":   {"passthrough:///host:4317", true, false, true},
		"unix:///run/otlp.sock":      {"unix:///run/otlp.sock", false, false, true},
		"unix:otlp.sock":             {"unix:otlp.sock", false, false, true},
		"unix-abstract:otlp":         {"unix-abstract:otlp", false, false, true},
	} {
		e, err := parseEndpoint(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if e.target != want.target {
			t.Errorf("%s: target %s, want %s", s, e.target, want.target)
		}
		got := []bool{e.usesTLS(Config{}), e.usesTLS(Config{Insecure: true}), e.usesTLS(Config{TLS: tls})}
		if got[0] != want.secure || got[1] != want.insecure || got[2] != want.strict {
			t.Errorf("%s: TLS %v, want %v", s, got, want)
		}
	}
	for _, s := range []string{
		"", "host", ":4317", "host:", "host:0", "host:65536", "host:port", "http://", "http://:4317", "http://host:0",
		"http://host:4317/v1/logs", "http://host?a=b", "http://host#a", "http://user@host", "https://user:pw@host:4317",
		"ftp://host:21", "user:pw@host:4317", "unix:", "unix:///", "unix://run/otlp.sock", "http://ho st", "host/path:80", "ho\x1bst:80", "http://ho%20st:80",
		"dns://u:p@server/host", "dns:",
	} {
		if e, err := parseEndpoint(s); err == nil {
			t.Errorf("%q: taken as %+v", s, e)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"http://host:4317", "https://u:p@h", "unix:///a", "[::1]:1", "dns://8.8.8.8/a:1", "a:b@c:1", "http://[::1%25a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseEndpoint(s)
		if err != nil {
			if len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Errorf("the error shows the endpoint: %v", err)
			}
			return
		}
		if e.host != "" && strings.ContainsAny(e.host, "@/") {
			t.Errorf("%q: host %q", s, e.host)
		}
		// Whatever is taken, gRPC can make a connection of it, or says so.
		conns := connections{target: e.target}
		if conn, err := conns.take(); err == nil {
			conns.giveBack(conn, codes.DeadlineExceeded)
			<-conns.shut()
		}
	})
}

// Making a request allocates nothing once there is memory for it.
func TestEncodeRequestAllocates(t *testing.T) {
	recs := sinktest.Records("alloc", 0, 500)
	encoder := encode.OTLPProto()
	encoded := make([]encode.OTLPRecord, len(recs))
	for i := range recs {
		encoded[i].Log = encoder.AppendLog(nil, &recs[i])
	}
	plain := delivery.Append[record.Record](encoder.AppendUpTo)
	p := &buffers{max: 4 << 20}
	for name, run := range map[string]func(){
		"records": func() { free(t, p, recs, plain) },
		"encoded": func() { free(t, p, encoded, encode.AppendOTLPRecords) },
	} {
		if got := testing.AllocsPerRun(100, run); got != 0 && !raceEnabled {
			t.Errorf("%s: %v allocations a request, want 0", name, got)
		}
	}
}

func free[R any](t *testing.T, p *buffers, recs []R, upTo delivery.Append[R]) {
	b, n := encodeRequest(p, recs, 4<<20, upTo)
	if n != len(recs) {
		t.Fatalf("%d records in the request", n)
	}
	b.Free()
}

// Memory comes back when the last who reads it is done, and not if it is out
// of proportion.
func TestBuffers(t *testing.T) {
	p := &buffers{max: 100_000}
	recs := sinktest.Records("buffer", 0, 1)
	b, _ := encodeRequest(p, recs, 1000, encode.OTLPProto().AppendUpTo)
	slice, err := codec{}.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	want := string(b.ReadOnlyData())
	b.Free()
	other, _ := encodeRequest(p, sinktest.Records("other", 0, 1), 1000, encode.OTLPProto().AppendUpTo)
	if got := string(slice.Materialize()); got != want {
		t.Error("the bytes of a request changed while it was being sent")
	}
	slice.Free()
	other.Free()
	large := make([]byte, 200_000)
	p.Put(&large)
	for range 10 {
		if got := p.Get(1); cap(*got) == cap(large) {
			t.Error("a buffer over the limit was kept")
		}
	}
}

func TestCodecTakesItsOwnOnly(t *testing.T) {
	if _, err := (codec{}).Marshal("text"); err == nil {
		t.Error("Marshal of a string: no error")
	}
	if err := (codec{}).Unmarshal(mem.BufferSlice{}, new(string)); err == nil {
		t.Error("Unmarshal into a string: no error")
	}
}

func TestTooLarge(t *testing.T) {
	own := strconv.Itoa(maxAnswer)
	for message, want := range map[string]bool{
		"grpc: received message larger than max (" + own + " vs. 4)":        true,
		"grpc: received message larger than max (5 vs. 4)":                  true,
		"grpc: received message larger than max (99999 vs. " + own + ")":    false,
		"grpc: received message after decompression larger than max " + own: false,
		"quota exceeded": false,
		"queue is full":  false,
	} {
		if got := tooLarge(status.New(codes.ResourceExhausted, message)); got != want {
			t.Errorf("%q: %v, want %v", message, got, want)
		}
	}
	if tooLarge(status.New(codes.InvalidArgument, "attribute larger than max")) {
		t.Error("INVALID_ARGUMENT is about the records, not about the request's size")
	}
}

// What gRPC says of a proxy that does not connect is the proxy's whole answer.
func TestCleanerKnowsTheProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://someone:hunter2%2Bhunter2@proxy:3128")
	clean := cleaner(map[string]exporters.Secret{"authorization": "Bearer token-hunter2"})
	got := clean(`failed to do connect handshake, response: "HTTP/1.1 407 no\r\n\r\nnot hunter2+hunter2 nor c29tZW9uZTpodW50ZXIyK2h1bnRlcjI="` + "\n token\\u002dhunter2")
	if want := `failed to do connect handshake, response: "HTTP/1.1 407 no\r\n\r\nnot [REDACTED] nor [REDACTED]"  [REDACTED]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What stands in a variable may be a secret that has got into the wrong one.
func TestEnvironmentIsNotRepeated(t *testing.T) {
	for _, key := range []string{"ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, value := range []string{"hunter2 hunter2", "http://user:hunter2@h:1", "-----BEGIN PRIVATE KEY-----\nhunter2"} {
			t.Run(key, func(t *testing.T) {
				t.Setenv("OTEL_EXPORTER_OTLP_"+key, value)
				c, err := FromEnvironment()
				if err = errors.Join(err, c.Validate()); err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Error(err)
				}
			})
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")
	c, err := FromEnvironment()
	if want := "OTEL_EXPORTER_OTLP_COMPRESSION: unknown value: want none or gzip"; err == nil || err.Error() != want || c.Compression != "none" {
		t.Errorf("%q, %v; want %s", c.Compression, err, want)
	}
}
