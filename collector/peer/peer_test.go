package peer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/collector/peer"
)

func TestMain(m *testing.M) { os.Exit(peer.Main(m)) }

// post sends one record with the id as OTLP JSON and returns the status.
func post(ctx context.Context, p *peer.Peer, id string) (int, error) {
	body := fmt.Sprintf(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"id","value":{"stringValue":%q}}]}]}]}]}`, id)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.HTTP+"/v1/logs", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// The peer does to senders what its methods say.
func TestPeer(t *testing.T) {
	p := peer.Start(t)
	ctx := t.Context()
	expect := func(id string, want int) {
		t.Helper()
		if status, err := post(ctx, p, id); err != nil || status != want {
			t.Errorf("%s: status %d, %v; want %d", id, status, err, want)
		}
	}
	expect("first", 200)
	expect("first", 200)

	p.Refuse()
	expect("refused", 503)
	p.Accept()
	expect("accepted", 200)

	p.Kill()
	if _, err := post(ctx, p, "killed"); err == nil {
		t.Error("an answer although the Collector is dead")
	}
	p.Restart()
	expect("restarted", 200)

	p.Stop()
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := post(short, p, "stopped"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped: %v, want no answer", err)
	}
	p.Cont()
	expect("continued", 200)

	got := p.Received()
	delete(got, "stopped") // it may have stood in the kernel's buffers
	want := map[string]int{"first": 2, "accepted": 1, "restarted": 1, "continued": 1}
	if !maps.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
}
