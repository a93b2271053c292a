// Package all adds to configuration the exporters that package config leaves
// out because of what they link into a program:
//
//	otlp_grpc   OTLP over gRPC, by the keys of OpenTelemetry's schema
//
// A program whose configuration files may name them passes [Options] on:
//
//	doc, err := config.Load("sluice.yaml", all.Options()...)
//	rt, err := sluice.Start(sluice.WithConfigOptions(all.Options()...))
//
// The command sluice knows them all.
package all

import "github.com/seed2f724858/sluice/config"

// Options returns the options with which a configuration may name every
// exporter that sluice has.
func Options() []config.Option {
	return []config.Option{config.WithExporterTypes(
		config.NewExporterType("otlp_grpc", defaultOTLPGRPC, newOTLPGRPC).Network().Standard(),
	)}
}
