package config

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// elsewhere says of keys that a component does not have, but others do, what
// stands for them here.
var elsewhere = []struct {
	components, keys []string
	hint             string
}{
	{
		[]string{"otlp", "otlp_http"},
		[]string{"protocol"},
		"this is OTLP over HTTP, with encoding: protobuf or encoding: json; for gRPC use otlp_grpc",
	},
	{
		[]string{"otlp_grpc"},
		[]string{"protocol", "encoding"},
		"this is OTLP over gRPC, which is protobuf; for HTTP use otlp_http",
	},
	{
		[]string{"spool"},
		[]string{"retry", "retry_on_failure", "initial", "max_elapsed", "max_elapsed_time", "initial_interval", "max_interval"},
		"leave it out: the spool tries again by itself, for as long as it takes",
	},
	{
		[]string{"otlp", "otlp_http", "otlp_grpc", "socket", "webhook"},
		[]string{"retry", "retry_on_failure", "initial", "max_elapsed", "max_elapsed_time", "initial_interval", "max_interval"},
		"it is tried again anyway, for some minutes; to say for how long, put it into retry: {max_elapsed: …, exporter: {…}}",
	},
	{
		[]string{"otlp", "otlp_http", "otlp_grpc", "socket", "webhook"},
		[]string{"sending_queue", "queue", "spool"},
		"async holds the queue in memory (max_queue_size); for one on disk put the exporter into spool: {directory: …, exporter: {…}}",
	},
}

// hintElsewhere returns a hint for a key that a component does not have, "" if
// there is none.
func hintElsewhere(component, key string) string {
	for _, e := range elsewhere {
		if slices.Contains(e.components, component) && slices.Contains(e.keys, key) {
			return e.hint
		}
	}
	return ""
}

// remedy returns what to do about an error of the world outside, "" if that
// is not known.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "correct the path, or make what it names; a relative one begins at the working directory"
	case errors.Is(err, fs.ErrPermission):
		return "run as a user who may, give this one the right to it, or choose another path"
	}
	return ""
}

// begins reports whether a message is about a key.
func begins(msg, key string) bool {
	rest, ok := strings.CutPrefix(msg, key)
	return ok && (strings.HasPrefix(rest, ": ") || strings.HasPrefix(rest, " "))
}
