package httplog

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/bridge"
)

// What stands for a status where none was sent, and in error.type.
const (
	hijacked = "hijacked"
	aborted  = "aborted"
	canceled = "canceled"
)

// exchange is one request and what became of it. Only the goroutine that
// serves the request uses it, as net/http asks of a ResponseWriter.
type exchange struct {
	*config
	request  *http.Request
	arrived  arrival
	start    time.Time
	response response
}

func newExchange(c *config, r *http.Request) *exchange {
	return &exchange{config: c, request: r, arrived: arrivalOf(r), start: time.Now()}
}

func (x *exchange) serve(next http.Handler, w http.ResponseWriter) {
	w = x.response.observe(w)
	defer x.end(w)
	next.ServeHTTP(w, x.request)
}

// end is deferred around the handler. It sees it return, panic, or leave with
// runtime.Goexit, which counts as returning.
func (x *exchange) end(w http.ResponseWriter) {
	took := time.Since(x.start)
	switch p := recover(); p {
	case nil:
		x.log(took, x.returned())
	case http.ErrAbortHandler:
		x.log(took, x.aborted())
		panic(p)
	default:
		thrown := bridge.PanicAttrs(p)
		fresh := x.response.untouched()
		if fresh {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
		o := outcome{status: x.response.status, level: slog.LevelError, errorType: thrown[0].Value.String(), thrown: thrown}
		if x.response.hijacked && o.status == 0 {
			o.instead = hijacked
		}
		x.log(took, o)
		if !fresh {
			panic(http.ErrAbortHandler) // the client must not take what it has for the whole
		}
	}
}

// outcome is how a request ended.
type outcome struct {
	status    int    // 0: none was sent
	instead   string // what stands in the message where status is 0
	level     slog.Level
	errorType string
	thrown    []slog.Attr // the exception's
}

func (x *exchange) returned() outcome {
	gone := errors.Is(x.request.Context().Err(), context.Canceled)
	o := outcome{status: x.response.status}
	switch {
	case x.response.hijacked:
		// The end of the connection is the handler's business.
		if o.status == 0 {
			o.instead = hijacked
		}
	case o.status == 0 && gone:
		o.instead, o.errorType = canceled, canceled
	case o.status == 0:
		o.status = http.StatusOK // net/http will send it
	case o.status >= 500:
		o.errorType = strconv.Itoa(o.status)
	case gone:
		o.errorType = canceled
	}
	o.level = x.level(o.status)
	return o
}

func (x *exchange) aborted() outcome {
	o := outcome{status: x.response.status, errorType: aborted}
	if o.status == 0 {
		o.instead = aborted
	}
	o.level = x.level(o.status)
	return o
}

// log writes the record. Nothing is built for a level that is off.
func (x *exchange) log(took time.Duration, o outcome) {
	if o.level == slog.LevelInfo && x.slow > 0 && took >= x.slow && !x.response.hijacked {
		o.level = slog.LevelWarn
	}
	ctx := x.request.Context()
	if !x.logger.Enabled(ctx, o.level) {
		return
	}
	route := routeOf(x.request.Pattern)
	attrs := x.arrived.attributes(make([]slog.Attr, 0, 20), x.addressHeader)
	if route != "" {
		attrs = append(attrs, slog.String(string(semconv.HTTPRouteKey), route))
	}
	if o.status != 0 {
		attrs = append(attrs, slog.Int(string(semconv.HTTPResponseStatusCodeKey), o.status))
		if x.arrived.method != http.MethodHead && !x.response.hijacked {
			attrs = append(attrs, slog.Int64(string(semconv.HTTPResponseBodySizeKey), x.response.written))
		}
	}
	attrs = append(attrs, slog.Float64("http.server.request.duration", took.Seconds()))
	if o.errorType != "" {
		attrs = append(attrs, slog.String(string(semconv.ErrorTypeKey), o.errorType))
	}
	attrs = append(attrs, o.thrown...)
	x.logger.LogAttrs(ctx, o.level, x.message(route, o), attrs...)
}

// message is "GET /cart/{id} 200".
func (x *exchange) message(route string, o outcome) string {
	if route == "" {
		route = cmp.Or(x.arrived.path(), cut(x.arrived.host, maxName))
	}
	method, known := knownMethod(x.arrived.method)
	if !known {
		method = "HTTP" // as the conventions name spans of unknown methods
	}
	if o.status != 0 {
		return method + " " + route + " " + strconv.Itoa(o.status)
	}
	return method + " " + route + " " + o.instead
}
