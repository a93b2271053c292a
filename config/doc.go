// Package config reads OpenTelemetry's declarative configuration
// (https://opentelemetry.io/docs/specs/otel/configuration/data-model/, schema
// version 1.1) and turns its logger_provider into a running pipeline, with
// sluice's processors and exporters as plug-in components.
//
//	doc, err := config.Load("sluice.yaml")  // everything wrong with it, at once
//	rt, err := doc.Start(ctx)
//	defer rt.Shutdown(ctx)
//	rt.Logger("shop.cart").Info("ready")
//
// # What is read
//
// disabled, resource, attribute_limits, logger_provider with its processors,
// limits and logger_configurator/development, and distribution.sluice. The
// other signals' providers and propagators may stand in the same file; they
// are for another SDK to start (see [Document.Ignored]). A key that the schema
// or the component does not know is an error.
//
// A key that is given without a value, or whose environment variable is not
// set, counts as not given. What is valid and hardly meant, such as a header
// whose variable is not set, is no error: see [Document.Warnings].
//
// # Components
//
// Processors are async, batch and simple, which lead to exporters, route, and
// the steps attributes, dedup, filter, flight_recorder, rate_limit, redact,
// sample and severity; docs/processors.md lists the keys of each. Exporters
// are console, discard, file, otlp, otlp_http, socket, terminal and webhook,
// those that stand in front of others (failover, retry, spool), and ref to one
// that several processors share:
//
//	logger_provider:
//	  processors:
//	    - filter: {drop: [{loggers: [shop.noise], maximum_severity: warn4}]}
//	    - async: {match: {minimum_severity: info}, exporter: {terminal: {}}}
//	    - async: {exporter: {file: {path: app.jsonl, rotation: {max_size: 100MiB}}}}
//	    - async: {exporter: {spool: {directory: queue, exporter: {otlp_http: {}}}}}
//
// The settings of processors are those of the configs of package processors
// ([processors.BatchConfig] is async's, redact.Config part of
// redact's), the exporters' those of their packages' Config. batch, simple,
// console, otlp_http and otlp_grpc have exactly the standard's keys, durations
// in milliseconds; elsewhere durations carry a unit ("5s"). Our exporters and
// steps, but for route, may carry a name, which statistics then use; otherwise
// it is the type, with a number from the second on ("file/2"). What stands in
// front of an exporter goes by that one's name.
//
// otlp_grpc comes with package config/all, because it links gRPC. Exporters of
// your own are types for [WithExporterTypes].
//
// # What stands in front of exporters
//
// retry writes again what its exporter could not deliver; its keys are those
// of exporters.RetryConfig. Exporters that may be out of reach (otlp,
// otlp_http, otlp_grpc, socket, webhook) have one with its defaults in front
// of them, and of a failover that they stand in, unless the file puts a retry
// or a spool there.
//
// failover {exporters: […]} writes to the first of its exporters that works;
// see [exporters.Failover].
//
// spool keeps records on disk until its exporter has taken them, and tries for
// as long as that takes; its keys are those of [spool.Config]. A retry behind or
// in front of it, another spool, and one inside of a failover are errors. A
// directory belongs to one spool of a file.
//
// With [OnFullBlock], queues wait for room unless the file says on_full, also
// a spool's, and a retry without max_elapsed never gives up: nothing is lost as
// long as there is input to slow down.
//
// A redact processor with its defaults stands in front of all others, unless
// the list has one of its own (one in a route's rule does not count) or
// distribution.sluice.redact is false.
//
// # Environment variables
//
// Inside of values, not of keys, ${NAME}, ${env:NAME} and ${NAME:-default}
// stand for environment variables, and $$ for a dollar sign, as
// https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution
// has it: a value's type is decided after the replacement, unless it stands in
// quotes, which always make it text; and nothing that a variable holds is ever
// read as YAML or as a further reference. What came from the environment does
// not show in any error of this package.
//
// # Limits
//
// A file has at most 1 MiB, 100 levels of nesting, and 100,000 values with
// aliases counted as often as they are used.
package config
