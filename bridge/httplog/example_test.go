package httplog_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
)

// newPipeline returns a pipeline into memory. Programs get theirs, and its
// loggers, from sluice.Start.
func newPipeline() (*processors.Pipeline, *sinktest.Memory) {
	memory := &sinktest.Memory{}
	simple, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		panic(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		panic(err)
	}
	return p, memory
}

func ExampleMiddleware() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop.http", bridge.WithPipeline(pipeline))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /cart/{id}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "three items") })
	mux.HandleFunc("GET /checkout", func(http.ResponseWriter, *http.Request) { panic("no payment provider") })
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	handler := httplog.Middleware(logger,
		httplog.WithSkip(func(r *http.Request) bool { return r.URL.Path == "/healthz" }),
	)(mux)

	for _, target := range []string{"/cart/7?access_token=s3cr3t", "/nowhere", "/checkout", "/healthz"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
	}
	for _, r := range memory.Records() {
		fmt.Println(r.SeverityText, r.Body.AsString())
		for _, key := range []attribute.Key{"url.query", "exception.message"} {
			if v, ok := r.Attr(key); ok {
				fmt.Println("  ", key, v.AsString())
			}
		}
	}
	// Output:
	// INFO GET /cart/{id} 200
	//    url.query access_token=[REDACTED]
	// WARN GET /nowhere 404
	// ERROR GET /checkout 500
	//    exception.message no payment provider
}
