// Package sluice takes an application's log records to files, terminals and
// other destinations, each with its own level, without ever blocking the
// application or losing a record silently.
//
//	rt, err := sluice.Start(sluice.WithService("shop", "1.2.0"), sluice.WithFile("logs/shop.jsonl"))
//	if err != nil {
//		return err
//	}
//	defer rt.Shutdown(context.Background())
//	rt.Logger("shop.cart").Info("order placed", "order", 7)
//
// This writes readable lines to a terminal, or JSON lines where standard
// output is none, and to a rotating file. An OpenTelemetry declarative
// configuration file says it all differently without a change of code: see
// [WithConfigFile], and package config for what may stand in it.
//
// Loggers are plain [log/slog] loggers. Their names form a hierarchy at "."
// and "/", by which levels are set: SLUICE_LEVELS=info,shop.db=debug. For
// libraries that log through OpenTelemetry's API, [Runtime] has a
// LoggerProvider; both ways give the same records.
package sluice
