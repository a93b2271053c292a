// Package peer starts a real OpenTelemetry Collector as a process of its own
// for tests that send to it, and tells what reached it. The process can be
// killed, started again, stopped and continued, and told to refuse.
//
// The Collector writes down the attribute "id" of each record before it
// acknowledges the request, so a record that a sender was told is delivered
// stands in [Peer.Received].
package peer

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Peer is a Collector. Its methods end the test when they fail; they are for
// the test's own goroutine.
type Peer struct {
	// HTTP is the base URL of OTLP/HTTP, GRPC the URL of OTLP/gRPC. Both stay
	// the same after Restart.
	HTTP, GRPC string

	t   testing.TB
	dir string
	run *process // nil after Kill
}

// Start starts a Collector and waits until it is ready. It is killed at the
// end of the test.
func Start(t testing.TB) *Peer {
	t.Helper()
	http, grpc := port(t), port(t)
	p := &Peer{
		HTTP: "http://" + http, GRPC: "http://" + grpc,
		t: t, dir: t.TempDir(),
	}
	config := fmt.Sprintf(configuration, http, grpc, p.file("ids"), p.file("refuse"))
	if err := os.WriteFile(p.file("collector.yaml"), []byte(config), 0o640); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.run != nil {
			p.Kill()
		}
	})
	p.Restart()
	return p
}

// configuration leaves the Collector's own metrics out: their fixed port would
// keep a second Collector from starting.
const configuration = `
receivers:
  otlp: {protocols: {http: {endpoint: %q}, grpc: {endpoint: %q}}}
exporters:
  recordlist: {path: %q, refuse_while: %q}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [recordlist]}}
`

// port returns an address nobody listens on. It is below the ports that
// systems give to outgoing connections: while the Collector is down, none of
// those may take its place.
func port(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}

func (p *Peer) file(name string) string { return filepath.Join(p.dir, name) }

// Kill ends the Collector as kill -9 does and waits until it is gone.
func (p *Peer) Kill() {
	p.t.Helper()
	if err := p.run.kill(); err != nil {
		p.t.Fatal("kill the Collector: ", err)
	}
	p.run = nil
}

// Restart starts the Collector again after Kill and waits until it is ready.
func (p *Peer) Restart() {
	p.t.Helper()
	command, err := collector.path()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.run, err = start(command, "--config", p.file("collector.yaml")); err != nil {
		p.t.Fatal("start the Collector: ", err)
	}
}

// Refuse makes the Collector answer every request as it does when its own
// destination is down: with status 503 or UNAVAILABLE. Accept ends that.
func (p *Peer) Refuse() {
	p.t.Helper()
	if err := os.WriteFile(p.file("refuse"), nil, 0o640); err != nil {
		p.t.Fatal(err)
	}
}

// Accept ends what Refuse began.
func (p *Peer) Accept() {
	p.t.Helper()
	if err := os.Remove(p.file("refuse")); err != nil {
		p.t.Fatal(err)
	}
}

// Received returns how often each id arrived since Start.
func (p *Peer) Received() map[string]int {
	p.t.Helper()
	received := map[string]int{}
	for _, id := range p.Arrivals() {
		received[id]++
	}
	return received
}

// Arrivals returns the ids in the order in which they arrived since Start, as
// often as they did.
func (p *Peer) Arrivals() []string {
	p.t.Helper()
	content, err := os.ReadFile(p.file("ids"))
	if err != nil {
		p.t.Fatal(err)
	}
	ids := strings.Split(string(content), "\n")
	return ids[:len(ids)-1] // what is behind the last end of line is not yet whole
}

// process is a Collector that runs.
type process struct {
	cmd    *exec.Cmd
	in     io.Closer
	log    *readiness
	exited chan struct{}
}

func start(command string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(command, args...), log: &readiness{ready: make(chan struct{})}, exited: make(chan struct{})}
	p.cmd.Stderr = p.log
	in, err := p.cmd.StdinPipe() // at whose end the Collector ends
	if err != nil {
		return nil, err
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // killed, as it should be; else its log tells why
	}()
	select {
	case <-p.log.ready:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("it ended: %s", p.log.text.String())
	}
}

func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.exited
	return err
}

// readiness reads a Collector's log up to the line by which it says that its
// receivers listen.
type readiness struct {
	text  bytes.Buffer
	ready chan struct{}
	done  bool
}

func (r *readiness) Write(b []byte) (int, error) {
	if r.done {
		return len(b), nil
	}
	r.text.Write(b)
	if bytes.Contains(r.text.Bytes(), []byte("Everything is ready.")) {
		r.done = true
		close(r.ready)
	}
	return len(b), nil
}
