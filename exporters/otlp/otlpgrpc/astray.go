package otlpgrpc

import "strings"

// astray are what gRPC says of servers that are none of gRPC.
var astray = []string{
	"looked like an HTTP/1.1 header",                         // the answer to HTTP/2's preface
	"missing selected ALPN property",                         // TLS, but for HTTP/1.1 alone
	"unexpected HTTP status code received from server: 404 ", // HTTP/2, with a page for everything
	"unexpected HTTP status code received from server: 405 ",
	"unexpected HTTP status code received from server: 415 ",
}

// advice says, behind the message of a failure, what to do about it; "" if that
// is not known.
func advice(message string) string {
	for _, words := range astray {
		if strings.Contains(message, words) {
			return ": this looks like a server of HTTP: use otlp_http (package otlp), or the port of gRPC, which is 4317 by default"
		}
	}
	return ""
}
