package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed2f724858/sluice"
	"github.com/seed2f724858/sluice/admin"
)

func ExampleHandler() {
	rt, err := sluice.Start(sluice.WithConsole("json"), sluice.WithLevels("info"))
	if err != nil {
		panic(err)
	}
	defer rt.Shutdown(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/logging/", http.StripPrefix("/logging", admin.Handler(rt)))
	// A program listens on a loopback address: the handlers ask nobody who he is.
	server := httptest.NewServer(mux)
	defer server.Close()

	request := func(method, path, body string) {
		req, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			panic(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		fmt.Printf("%d %s", res.StatusCode, text)
	}
	request("PUT", "/logging/levels", "logger=shop.db&level=debug")
	request("GET", "/logging/levels?logger=shop.db.pool", "")
	request("PUT", "/logging/levels", "level=loud")
	request("GET", "/logging/health", "")
	// Output:
	// 200 {"logger":"shop.db","level":"debug"}
	// 200 {"logger":"shop.db.pool","level":"debug","from":"override"}
	// 400 {"error":"level: unknown level \"loud\": want trace, debug, info, warn, error, fatal (or a step between, such as info2), all or off"}
	// 200 {"status":"ok"}
}
