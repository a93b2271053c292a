package httplog

import (
	"log/slog"
	"net/http"
	"time"
)

// Option configures [Middleware].
type Option func(*config)

type config struct {
	logger        *slog.Logger
	level         func(status int) slog.Level
	skip          func(*http.Request) bool
	slow          time.Duration
	addressHeader string
}

// WithLevel sets the level of a status; the default is [Level]. Status is 0
// where none was sent. Panics are errors whatever f says.
func WithLevel(f func(status int) slog.Level) Option {
	return func(c *config) { c.level = f }
}

// WithSkip passes on the requests for which f is true, health checks say, as
// if the middleware were not there: their panics are net/http's, too.
func WithSkip(f func(*http.Request) bool) Option {
	return func(c *config) { c.skip = f }
}

// WithSlow makes an INFO a WARN when the request took d or longer. Hijacked
// connections, which last as long as they are wanted, are never slow. With 0,
// the default, nothing is.
func WithSlow(d time.Duration) Option {
	return func(c *config) { c.slow = d }
}

// WithClientAddress takes client.address from a header, because the server is
// reached through a proxy only, and this proxy sets or extends that header:
// X-Real-IP or X-Forwarded-For. Of a list the last address counts, since what
// stands before it may be the client's invention. A value that is no address
// is ignored. Without this option no header is trusted.
func WithClientAddress(header string) Option {
	return func(c *config) { c.addressHeader = header }
}

// Level is the level that a status has by default: from 500 on ERROR, from 400
// on WARN, else INFO.
func Level(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case status >= 400:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Middleware returns a middleware that logs each request to logger. The
// ResponseWriter that handlers get has the optional interfaces of the server's
// own (http.Flusher, http.Hijacker, io.ReaderFrom and so on), no more and no
// less.
func Middleware(logger *slog.Logger, opts ...Option) func(http.Handler) http.Handler {
	c := &config{logger: logger, level: Level}
	for _, opt := range opts {
		opt(c)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.skip != nil && c.skip(r) {
				next.ServeHTTP(w, r)
				return
			}
			newExchange(c, r).serve(next, w)
		})
	}
}
