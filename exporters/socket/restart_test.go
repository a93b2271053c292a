package socket

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes one from the clock")

// unreliable accepts connections and ends each one at a random moment, in an
// orderly way or not, with nobody listening in between.
type unreliable struct {
	rnd *rand.Rand
	got map[string]bool // whole lines
}

func (u *unreliable) run(t *testing.T, address string, ends int) {
	for range ends {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := ln.Accept()
		ln.Close()
		if err != nil {
			t.Error(err)
			return
		}
		data := make([]byte, u.rnd.IntN(100<<10))
		n, _ := io.ReadFull(conn, data)
		u.keep(data[:n])
		if u.rnd.IntN(2) == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
}

// keep notes the whole lines of what came over a connection.
func (u *unreliable) keep(data []byte) {
	for line := range bytes.Lines(data) {
		if bytes.HasSuffix(line, []byte("\n")) {
			for _, id := range sinktest.IDs(line) {
				u.got[id] = true
			}
		}
	}
}

// Whatever a receiver does, records that were acknowledged have arrived, or an
// error has told that so many may be lost.
func TestNothingIsLostSilently(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", *seed)
	ends := 30
	if os.Getenv("SLUICE_LONG") != "" {
		ends = 500
	}
	ln := listenTCP(t)
	address := ln.Addr().String()
	ln.Close()
	u := &unreliable{rnd: rand.New(rand.NewPCG(*seed, 1)), got: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	var receiving sync.WaitGroup
	receiving.Go(func() {
		defer cancel()
		u.run(t, address, ends)
	})
	e := open(t, config("tcp://"+address))
	rnd := rand.New(rand.NewPCG(*seed, 2))
	var told uint64
	acknowledged := 0
	note := func(err error) {
		if lost, ok := errors.AsType[*lostError](err); ok {
			told += lost.records
		}
	}
	for ctx.Err() == nil {
		n, err := e.Write(t.Context(), sinktest.Records("seq", acknowledged, 1+rnd.IntN(60)))
		acknowledged += n
		note(err)
	}
	receiving.Wait()
	note(e.Shutdown(t.Context()))
	missing := uint64(0)
	for i := range acknowledged {
		if !u.got[sinktest.ID("seq", i)] {
			missing++
		}
	}
	t.Logf("%d acknowledged, %d of them missing, %d told", acknowledged, missing, told)
	if missing > told {
		t.Error("records were lost silently")
	}
}
