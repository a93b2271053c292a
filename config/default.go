package config

import (
	"log"
	"log/slog"

	"go.opentelemetry.io/otel/log/global"
)

// SetDefault makes the logger of the given name slog's default, through which
// the standard log package writes too, and the runtime's provider
// OpenTelemetry's global one. Shutdown gives slog and log back what they had
// before; the global provider, which OpenTelemetry has no way to take back,
// then takes records and delivers none.
func (r *Runtime) SetDefault(name string) {
	logger := r.Logger(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(logger)
	global.SetLoggerProvider(r.provider)
	undo := r.restore
	r.restore = func() {
		if slog.Default() == logger {
			slog.SetDefault(before)
			// slog leaves package log writing to the handler that is gone.
			log.SetOutput(writer)
			log.SetFlags(flags)
		}
		if undo != nil {
			undo()
		}
	}
}
