package peer_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/collector/peer"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
)

// What a configuration file says reaches a Collector. HTTP and GRPC stand for
// its URLs, DEAD for one at which nobody listens, DIR for a directory.
func TestConfigurationReachesCollector(t *testing.T) {
	for i, processor := range []string{
		`batch: {exporter: {otlp_http: {endpoint: "HTTP/v1/logs"}}}`,
		`batch: {exporter: {otlp_http: {endpoint: "HTTP/v1/logs", compression: gzip, encoding: json}}}`,
		`batch: {exporter: {otlp_grpc: {endpoint: "GRPC", tls: {insecure: true}, compression: gzip}}}`,
		`simple: {exporter: {otlp_http: {endpoint: "HTTP/v1/logs"}}}`,
		`async: {exporter: {otlp: {endpoint: "HTTP/v1/logs", compression: zstd, max_request_size: 8KiB}}}`,
		`async: {exporter: {failover: {exporters: [{otlp: {endpoint: "DEAD/v1/logs"}}, {otlp_grpc: {endpoint: "GRPC"}}]}}}`,
		`async: {exporter: {spool: {directory: "DIR", exporter: {otlp: {endpoint: "HTTP/v1/logs"}}}}}`,
		`simple: {exporter: {spool: {directory: "DIR", sync: always, exporter: {otlp_grpc: {endpoint: "GRPC"}}}}}`,
		`async: {exporter: {spool: {directory: "DIR", exporter: {failover: {exporters: [` +
			`{otlp_grpc: {endpoint: "DEAD"}}, {otlp: {endpoint: "HTTP/v1/logs"}}]}}}}}`,
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			p := peer.Start(t)
			text := fmt.Sprintf("file_format: \"1.1\"\nlogger_provider:\n  processors:\n    - %s\n",
				strings.NewReplacer("HTTP", p.HTTP, "GRPC", p.GRPC, "DEAD", "http://127.0.0.1:1", "DIR", t.TempDir()).Replace(processor))
			doc, err := config.Parse("test.yaml", []byte(text), all.Options()...)
			if err != nil {
				t.Fatal(err)
			}
			rt, err := doc.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			const records = 200
			logger := bridge.NewLogger("shop.cart", bridge.WithPipeline(rt.Pipeline()))
			for id := range records {
				logger.InfoContext(t.Context(), "payment accepted", slog.Int("id", id))
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := rt.Shutdown(ctx); err != nil {
				t.Errorf("%s: %v", processor, err)
			}
			if b := rt.Stats().Exporters[0]; b.Accepted != records || b.Delivered != records || b.Dropped != nil {
				t.Errorf("%s: %d accepted, %d delivered, dropped %v", processor, b.Accepted, b.Delivered, b.Dropped)
			}
			inOrder(t, p.Arrivals())
			if got := len(p.Received()); got != records {
				t.Errorf("%s: %d records arrived", processor, got)
			}
		})
	}
}
