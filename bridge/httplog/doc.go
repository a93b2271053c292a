// Package httplog logs the requests that a net/http server answers, with
// log/slog: one record a request, when it ends.
//
//	handler := httplog.Middleware(logger)(mux)
//
// # Level and message
//
// A status of 500 and above is an ERROR, 400 and above a WARN, all else INFO;
// [WithLevel] and [WithSlow] change that. The message is the method, the route
// that http.ServeMux matched, else the escaped path, and the status:
// "GET /cart/{id} 200". In the status's place stands
//
//	hijacked  when the handler took the connection over (a WebSocket) without
//	          having sent a status through the ResponseWriter
//	aborted   when it panicked with http.ErrAbortHandler and had sent nothing
//	canceled  when the client went away before anything was sent
//
// These three are INFO and have no http.response.status_code: nothing was
// answered, and OpenTelemetry knows no code for it as nginx does with 499.
//
// # Attributes
//
// Names and values are those of OpenTelemetry's semantic conventions for HTTP
// server spans, version 1.43.0, with the request as it arrived:
//
//	http.request.method           _OTHER for one that RFC 9110, 5789 or QUERY's
//	                              draft do not define, which then stands in
//	                              http.request.method_original
//	url.scheme                    http, or https on a TLS connection
//	url.path, url.query           escaped; secrets in them are redacted
//	server.address, server.port   of the Host header
//	http.route                    the matched pattern's path
//	http.response.status_code
//	http.request.body.size        what Content-Length announced
//	http.response.body.size       bytes the handler wrote, but for those of an
//	                              io.Reader that panicked; not for HEAD
//	network.protocol.version      1.1, 2
//	client.address                RemoteAddr's host, else see [WithClientAddress]
//	user_agent.original           secrets in it are redacted
//	http.server.request.duration  seconds until the handler returned, float
//	error.type                    the status from 500 on, a panic's Go type,
//	                              aborted, or canceled
//
// What the client chooses is cut at 2048 bytes, names at 256. Other headers,
// cookies, user information and bodies are never logged. Trace and span id
// come from the request's context: put a tracing middleware around this one.
// The route is known when the ServeMux gets the request that this middleware
// passed on; a handler between them that replaces it (Request.WithContext)
// hides the route.
//
// # Panics
//
// A handler that panics gives exactly one ERROR record, with exception.type,
// exception.message and exception.stacktrace of the panic; the stack is not
// there if a [bridge.Recover] of the handler has logged it. The client gets a
// 500 if nothing was sent yet, else the connection is aborted with
// http.ErrAbortHandler; net/http does not log the panic a second time. A
// handler's own http.ErrAbortHandler passes on, its record is that of a
// request without a panic.
package httplog
