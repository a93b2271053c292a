package otlpgrpc_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// way is a TCP connection's way to a server, where something may happen to it.
type way struct {
	addr string

	mu    sync.Mutex
	pairs []*pair
}

type pair struct {
	near, far net.Conn
	silent    atomic.Bool
}

func newWay(t testing.TB, to string) *way {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	w := &way{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				reset(near)
				continue
			}
			p := &pair{near: near, far: far}
			w.mu.Lock()
			w.pairs = append(w.pairs, p)
			w.mu.Unlock()
			wg.Go(func() { p.copy(far, near) })
			wg.Go(func() { p.copy(near, far) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, p := range w.pairs {
			p.silent.Store(false)
			_, _ = p.near.Close(), p.far.Close()
		}
		w.mu.Unlock()
		wg.Wait()
	})
	return w
}

// copy copies what comes from one side until that ends, and drops it while
// the connection is silent.
func (p *pair) copy(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			if !p.silent.Load() {
				_ = to.Close()
			}
			return
		}
		if p.silent.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut resets the connections there are.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pairs {
		reset(p.near)
		reset(p.far)
	}
	w.pairs = nil
}

// silence lets the connections there are go nowhere.
func (w *way) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pairs {
		p.silent.Store(true)
	}
}

// reset closes a connection so that the other side sees a reset.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
