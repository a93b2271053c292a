// Package admin looks into a running pipeline over HTTP, and changes its levels:
//
//	mux.Handle("/logging/", http.StripPrefix("/logging", admin.Handler(rt)))
//
//	curl -X PUT -d 'logger=shop.db&level=debug&for=10m' localhost:6060/logging/levels
//	curl localhost:6060/logging/health
//
// The handlers authenticate nobody: whoever reaches them can switch logging off,
// or fill a disk with it, and reads the errors of destinations. Serve them on a
// loopback address, or behind a handler that checks who is asking.
//
// All answers but the metrics are JSON, errors included: {"error": "…"}.
package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed2f724858/sluice/processors"
)

// Source is what the handlers show: a sluice.Runtime, or a
// [processors.Pipeline].
type Source interface {
	Levels() *processors.Levels
	Stats() processors.Stats
	Health() processors.Health
}

// Handler serves [Levels] at /levels, [Health] at /health, [Stats] at /stats and
// [Metrics] at /metrics.
func Handler(src Source) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/levels", Levels(src.Levels()))
	mux.Handle("/health", Health(src))
	mux.Handle("/stats", Stats(src))
	mux.Handle("/metrics", Metrics(src))
	return mux
}

// Health serves how the pipeline does: {"status": "degraded", "causes":
// [{"exporter": "mail", "cause": "…"}]}. The code is 200 for ok and degraded, 503
// for failed: see [processors.HealthStatus].
func Health(src Source) http.Handler {
	return readOnly(func(w http.ResponseWriter) {
		health, code := src.Health(), http.StatusOK
		if health.Status == processors.HealthFailed {
			code = http.StatusServiceUnavailable
		}
		reply(w, code, health)
	})
}

// readOnly answers GET and HEAD with serve.
func readOnly(serve func(http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed(w, r, http.MethodGet, http.MethodHead)
			return
		}
		serve(w)
	})
}

func notAllowed(w http.ResponseWriter, r *http.Request, methods ...string) {
	allow := strings.Join(methods, ", ")
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("%s is not supported here: use %s", r.Method, allow))
}

// maxError bounds how much of a request an error may repeat.
const maxError = 300

func refuse(w http.ResponseWriter, code int, err error) {
	text := err.Error()
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	reply(w, code, map[string]string{"error": text})
}

func reply(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v) // escapes what HTML could take for its own
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	send(w, code, "application/json", append(body, '\n'))
}

func send(w http.ResponseWriter, code int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) // who asked has gone: nobody is left to tell
}
