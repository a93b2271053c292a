package config

import (
	"log"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log/global"
)

// SetDefault makes the logger of the given name slog's default, through which
// the standard log package writes too, and the runtime's provider
// OpenTelemetry's global one. OpenTelemetry's error handler then prints to where
// package log wrote before (standard error), because what it is told is often
// trouble with the very destinations that log lines now go to. Shutdown gives
// all of that back but the global provider, which OpenTelemetry has no way to
// take back: it then takes records and delivers none.
func (r *Runtime) SetDefault(name string) {
	logger := r.Logger(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(logger)
	global.SetLoggerProvider(r.provider)
	handler := otel.GetErrorHandler()
	direct := log.New(writer, log.Prefix(), flags)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { direct.Print(err) }))
	undo := r.restore
	r.restore = func() {
		if slog.Default() == logger {
			slog.SetDefault(before)
			// slog leaves package log writing to the handler that is gone.
			log.SetOutput(writer)
			log.SetFlags(flags)
		}
		otel.SetErrorHandler(handler)
		if undo != nil {
			undo()
		}
	}
}
