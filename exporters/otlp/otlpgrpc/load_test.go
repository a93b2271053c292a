package otlpgrpc_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// Servers send their clients away now and then, to spread the load. That costs
// no record, and no error.
func TestServerEndsConnectionsByAge(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	s := serve(t, &server{respond: func(ctx context.Context, _ *logspb.LogsData) (proto.Message, error) {
		if p, ok := peer.FromContext(ctx); ok {
			mu.Lock()
			defer mu.Unlock()
			seen[p.Addr.String()] = true
		}
		return raw(nil), nil
	}}, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: hang}))
	e := newExporter(t, config(s.addr))
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	for n := 0; ; n++ {
		if _, err := e.Write(ctx, sinktest.Records("age", n, 1)); err != nil {
			t.Fatalf("Write %d: %v", n, err)
		}
		mu.Lock()
		connections := len(seen)
		mu.Unlock()
		if connections == 5 {
			break
		}
	}
}

// Whatever happens to the connections while several write, what a Write has
// reported as delivered has arrived, in the order of its writer.
func TestManyWritersLoseConnections(t *testing.T) {
	const batches, size = 50, 20
	s := serve(t, new(server))
	way := newWay(t, s.addr)
	retry, err := exporters.NewRetry(newExporter(t, config(way.addr)), exporters.RetryConfig{
		Initial: exporters.Duration(time.Millisecond), Max: exporters.Duration(10 * time.Millisecond), MaxElapsed: exporters.Unlimited,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	names := []string{"a", "b", "c", "d"}
	var writers sync.WaitGroup
	step := make(chan struct{}, len(names)*batches)
	for _, name := range names {
		writers.Go(func() {
			for i := range batches {
				if n, err := retry.Write(ctx, sinktest.Records(name, i*size, size)); n != size || err != nil {
					t.Errorf("Write = %d, %v", n, err)
					return
				}
				step <- struct{}{}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	for cutting := true; cutting; {
		for range 15 {
			select {
			case <-step:
			case <-done:
				cutting = false
			}
		}
		way.cut()
	}
	arrived := s.ids(t)
	for _, name := range names {
		var own []string
		for _, id := range arrived {
			if id[len("id-"):len("id-")+1] == name {
				own = append(own, id)
			}
		}
		// What was on the way arrives again, behind what came before it.
		var once []string
		for _, id := range own {
			if !slices.Contains(once, id) {
				once = append(once, id)
			}
		}
		if !slices.Equal(once, series(name, batches*size)) {
			t.Errorf("of %s %d records arrived, not all of %d in order", name, len(once), batches*size)
		}
	}
}
