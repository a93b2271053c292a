// Command testcollector is an OpenTelemetry Collector of stock parts that
// tests and benchmarks send to: the otlp receiver (HTTP and gRPC), the nop,
// debug, otlp and otlp_http exporters, the file_storage extension. Two parts are
// our own: the exporter recordlist, from which tests learn what was delivered
// and how often, and the receiver flood, which is load for benchmarks.
//
//	testcollector --config F
//
// It ends when its standard input does, so that it never outlives the process
// that started it.
package main

import (
	"errors"
	"io"
	"os"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"

	"github.com/seed2f724858/sluice/collector/internal/flood"
	"github.com/seed2f724858/sluice/collector/internal/recordlist"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	cmd := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "testcollector", Description: "Collector that tests send to", Version: "0.162.0"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{ProviderFactories: []confmap.ProviderFactory{
				envprovider.NewFactory(), fileprovider.NewFactory(),
			}},
		},
	})
	if cmd.Execute() != nil { // which it has told
		os.Exit(1)
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory(), flood.NewFactory())
	exporters, err2 := otelcol.MakeFactoryMap[exporter.Factory](nopexporter.NewFactory(), debugexporter.NewFactory(),
		otlpexporter.NewFactory(), otlphttpexporter.NewFactory(), recordlist.NewFactory())
	extensions, err3 := otelcol.MakeFactoryMap[extension.Factory](filestorage.NewFactory())
	return otelcol.Factories{
		Receivers: receivers, Exporters: exporters, Extensions: extensions,
		Telemetry: otelconftelemetry.NewFactory(),
	}, errors.Join(err, err2, err3)
}
