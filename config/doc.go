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
// set, counts as not given.
//
// # Components
//
// Processors are async, batch and simple, which lead to exporters, route, and
// the steps attributes, dedup, filter, flight_recorder, rate_limit, redact,
// sample and severity; docs/processors.md lists the keys of each. Exporters
// are console, discard, file, terminal, retry in front of another one, and ref
// to one that several processors share:
//
//	logger_provider:
//	  processors:
//	    - filter: {drop: [{loggers: [shop.noise], maximum_severity: warn4}]}
//	    - async: {match: {minimum_severity: info}, exporter: {terminal: }}
//	    - async: {exporter: {file: {path: app.jsonl, rotation: {max_size: 100MiB}}}}
//
// The settings of processors are those of the configs of package processors
// ([processors.BatchConfig] is async's, redact.Config part of
// redact's), the exporters' those of their packages' Config. batch, simple and
// console have exactly the standard's keys, batch's durations in milliseconds;
// elsewhere durations carry a unit ("5s"). Our exporters and steps, but for
// route, may carry a name, which statistics then use; otherwise it is the
// type, with a number from the second on ("file/2").
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
