package sluice_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/seed2f724858/sluice"
	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
)

func serve(rt *sluice.Runtime, server *http.Server, listener net.Listener, crashes string) error {
	defer bridge.Recover(context.Background())

	stop, err := bridge.CaptureCrashes(crashes)
	switch {
	case err == nil:
		defer func() { _ = stop() }()
	case !errors.Is(err, errors.ErrUnsupported): // it is on Windows
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /cart/{id}", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "cart shown", "cart", r.PathValue("id"))
		fmt.Fprintln(w, "three items")
	})
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	server.Handler = httplog.Middleware(rt.Logger("shop.http"),
		httplog.WithSkip(func(r *http.Request) bool { return r.URL.Path == "/healthz" }),
	)(mux)

	defer bridge.OnSignal(bridge.WithDeadline(20*time.Second), bridge.WithShutdown(func(ctx context.Context) error {
		return errors.Join(server.Shutdown(ctx), rt.Shutdown(ctx))
	}))()
	slog.Info("serving")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A service that logs its requests, its panics and its crashes, and ends in
// order: docs/operations.md has it with its main function.
func Example_service() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.jsonl")
	rt, err := sluice.Start(sluice.WithFile(path), sluice.WithoutConsole(), sluice.WithDefault())
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error)
	go func() { ended <- serve(rt, server, listener, filepath.Join(dir, "crashes")) }()
	for _, path := range []string{"/cart/7", "/healthz"} {
		res, err := http.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(res.Status)
		_ = res.Body.Close()
	}
	fmt.Println(server.Shutdown(context.Background()), <-ended, rt.Shutdown(context.Background()))

	f, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line struct{ Level, Msg string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(line.Level, line.Msg)
	}
	// Output:
	// 200 OK
	// 200 OK
	// <nil> <nil> <nil>
	// INFO serving
	// INFO cart shown
	// INFO GET /cart/{id} 200
}
