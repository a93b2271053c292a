package all_test

import (
	"fmt"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver takes what is sent to it by OTLP/gRPC.
type receiver struct {
	addr string

	mu       sync.Mutex
	bodies   []string
	metadata metadata.MD
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{addr: ln.Addr().String()}
	s := grpc.NewServer(grpc.UnknownServiceHandler(r.export))
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(ln) })
	t.Cleanup(func() {
		s.Stop()
		served.Wait()
	})
	return r
}

func (r *receiver) export(_ any, stream grpc.ServerStream) error {
	var message emptypb.Empty // keeps all it does not know, which is everything
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metadata, _ = metadata.FromIncomingContext(stream.Context())
	if err := new(decode.OTLPProto).Decode(message.ProtoReflect().GetUnknown(), func(rec *record.Record) {
		r.bodies = append(r.bodies, rec.Body.AsString())
	}); err != nil {
		return err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

func parse(text string) (*config.Document, error) {
	return config.Parse("F", []byte("file_format: \"1.1\"\n"+text), all.Options()...)
}

func TestOTLPGRPC(t *testing.T) {
	r := newReceiver(t)
	for name, settings := range map[string]string{
		"URL":       `{endpoint: "http://ADDR", tls: {ca_file: /none.pem}}`,
		"host:port": `{endpoint: "ADDR", tls: {insecure: true}}`,
		"all keys": `{endpoint: "http://ADDR", compression: none, timeout: 0, headers_list: "api-key=list,tenant=a%20b",
			headers: [{name: API-Key, value: "1234"}, {name: ignored, value: }], tls: {ca_file: , key_file: , cert_file: , insecure: }}`,
	} {
		t.Run(name, func(t *testing.T) {
			r.bodies = nil
			doc, err := parse(`logger_provider: {processors: [{batch: {exporter: {otlp_grpc: ` + strings.ReplaceAll(settings, "ADDR", r.addr) + `}}}]}`)
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Check(); err != nil {
				t.Error(err)
			}
			rt, err := doc.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rt.Logger("shop").Info("hello")
			rt.Logger("shop").Info("again")
			if err := rt.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"hello", "again"}, r.bodies); diff != "" {
				t.Error(diff)
			}
			if e := rt.Stats().Exporters[0]; e.Name != "otlp_grpc" || e.Delivered != 2 {
				t.Errorf("%+v", e)
			}
			if name == "all keys" && fmt.Sprint(r.metadata["api-key"], r.metadata["tenant"], r.metadata["ignored"]) != "[1234] [a b] []" {
				t.Errorf("metadata: %v", r.metadata)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	_, err := parse(`logger_provider:
  processors:
    - batch: {exporter: {otlp_grpc: {endpoint: "http://a/v1/logs", timeout: -5, compression: zstd}}}
    - batch: {exporter: {otlp_grpc: {headers: [{name: a, value: "hunter2\n"}], name: x, tls: {cert_file: c.pem}}}}
    - batch: {exporter: {otlp_grcp: }}
`)
	want := `F:4:48: logger_provider.processors[0].batch.exporter.otlp_grpc.endpoint: gRPC has no path behind the host; hint: write the URL without it, or use otlp_http for an endpoint of OTLP/HTTP
F:4:77: logger_provider.processors[0].batch.exporter.otlp_grpc.timeout: want 0 or more, have -5ms
F:4:94: logger_provider.processors[0].batch.exporter.otlp_grpc.compression: unknown value "zstd": want one of none, gzip
F:5:47: logger_provider.processors[1].batch.exporter.otlp_grpc.headers: a: the value has control characters in it
F:5:80: logger_provider.processors[1].batch.exporter.otlp_grpc.name: unknown key "name"; hint: keys here: compression, endpoint, headers, headers_list, timeout, tls
F:5:94: logger_provider.processors[1].batch.exporter.otlp_grpc.tls: key_file: missing, cert_file needs its key
F:6:26: logger_provider.processors[2].batch.exporter.otlp_grcp: exporter "otlp_grcp" is not built into this binary; hint: did you mean "otlp_grpc"?`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

// Certificates are looked for where they are used.
func TestCheck(t *testing.T) {
	for endpoint, bad := range map[string]bool{"https://localhost:1": true, "localhost:1": true, "http://localhost:1": false} {
		doc, err := parse(`logger_provider: {processors: [{batch: {exporter: {otlp_grpc: {endpoint: "` + endpoint + `", tls: {ca_file: /none.pem}}}}}]}`)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Check(); (err != nil) != bad || bad && !strings.Contains(err.Error(), "/none.pem") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// The standard's published examples start, but for those with an exporter in
// development.
func TestStandardExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "schema", "standard", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the standard's examples are not here")
	}
	for _, file := range files {
		if strings.Contains(file, "OtlpFileExporter") {
			continue
		}
		doc, err := config.Load(file, all.Options()...)
		if err != nil {
			t.Error(err)
			continue
		}
		rt, err := doc.Start(t.Context())
		if err != nil {
			t.Error(err)
			continue
		}
		if err := rt.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Who has taken the port of the other protocol is told so.
func TestPortsSwapped(t *testing.T) {
	http := httptest.NewServer(nethttp.NotFoundHandler())
	defer http.Close()
	addr := newReceiver(t).addr
	for settings, want := range map[string]string{
		`otlp_http: {endpoint: "http://` + addr + `/v1/logs"}`: "the server speaks HTTP/2 only, as those of gRPC do: use otlp_grpc",
		`otlp_grpc: {endpoint: "` + http.URL + `"}`:            "this looks like a server of HTTP: use otlp_http",
	} {
		doc, err := parse(`logger_provider: {processors: [{simple: {exporter: {retry: {max_elapsed: 1ms, exporter: {` + settings + `}}}}}]}`)
		if err != nil {
			t.Fatal(err)
		}
		rt, err := doc.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rt.Logger("shop").Info("hello")
		if e := rt.Stats().Exporters[0]; !strings.Contains(e.LastError, want) {
			t.Errorf("%s: %q", settings, e.LastError)
		}
		if err := rt.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
