package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// buildCollector builds the Collector that otlp jobs send to, below dir, and
// returns the command. It is of a module of its own, next to this one.
func buildCollector(dir string, progress io.Writer) (string, error) {
	source := filepath.Join("..", "collector")
	if _, err := os.Stat(filepath.Join(source, "go.mod")); err != nil {
		return "", fmt.Errorf("otlp needs the Collector's source beside the working directory: %w", err)
	}
	fmt.Fprintln(progress, "building the Collector: some minutes the first time")
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "testcollector"), "./cmd/testcollector")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the Collector: %w\n%s", err, out)
	}
	return filepath.Join(dir, "testcollector"), nil
}

// collector is a Collector that runs.
type collector struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

// startCollector starts the command with the configuration and waits until it
// is ready.
func startCollector(command, dir, config string) (*collector, error) {
	path := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(path, []byte(config), 0o640); err != nil {
		return nil, err
	}
	c := &collector{cmd: exec.Command(command, "--config", path)}
	in, err := c.cmd.StdinPipe() // at whose end it ends
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	var read strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Everything is ready.") {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return c, nil
		}
		read.WriteString(lines.Text() + "\n")
	}
	return nil, fmt.Errorf("the Collector does not start: %w\n%s", errors.Join(lines.Err(), c.cmd.Wait()), read.String())
}

func (c *collector) stop() error {
	err := c.in.Close()
	return errors.Join(err, c.cmd.Wait())
}

// freePort returns a port that nobody listens on, below those that outgoing
// connections are given.
func freePort() (int, error) {
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// sink is a Collector that receives OTLP and throws it away.
type sink struct {
	*collector
	http, grpc, metrics string // URLs
}

const sinkYAML = `
receivers:
  otlp: {protocols: {http: {endpoint: 127.0.0.1:%d}, grpc: {endpoint: 127.0.0.1:%d}}}
exporters: {nop: {}}
service:
  telemetry: {metrics: {level: basic, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}
  pipelines: {logs: {receivers: [otlp], exporters: [nop]}}
`

func startSink(command, dir string) (*sink, error) {
	var ports [3]int
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	c, err := startCollector(command, dir, fmt.Sprintf(sinkYAML, ports[0], ports[1], ports[2]))
	if err != nil {
		return nil, err
	}
	url := func(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", ports[i]) }
	return &sink{collector: c, http: url(0), grpc: url(1), metrics: url(2) + "/metrics"}, nil
}

// accepted returns how many log records the Collector has taken, by its own
// count.
func (s *sink) accepted() (int, error) {
	res, err := http.Get(s.metrics)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "otelcol_receiver_accepted_log_records") {
			continue
		}
		n, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("the Collector's metrics: %w", err)
		}
		sum += n
	}
	return int(sum), lines.Err()
}
