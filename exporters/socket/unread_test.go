package socket

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// What the kernel has taken and a receiver never reads must not count as
// delivered without a word.
func TestShutdownTellsWhatWasNotRead(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			ln := listen(t, network, address)
			e := open(t, config(network+"://"+ln.Addr().String()))
			mustWrite(t, e, sinktest.Records("seq", 0, 3))
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if tcp, ok := conn.(*net.TCPConn); ok {
				// As little as a kernel keeps for a receiver.
				if err := tcp.SetReadBuffer(1); err != nil {
					t.Fatal(err)
				}
			}
			written := uint64(3)
			for {
				unread, known := e.link.raw.unread()
				if !known {
					t.Skip("nobody can tell here what was not read")
				}
				if unread > 1 {
					break
				}
				mustWrite(t, e, large("large", 1))
				written++
			}
			err = e.Shutdown(t.Context())
			lost, ok := errors.AsType[*lostError](err)
			if !ok || lost.records != written || !strings.Contains(err.Error(), "bytes are still on their way") {
				t.Errorf("Shutdown = %v; %d records were written", err, written)
			}
		})
	}
}

// A receiver that has read everything, and keeps its end open, has all.
func TestShutdownOfAReceiverThatStays(t *testing.T) {
	ln := listenTCP(t)
	e := open(t, config("tcp://"+ln.Addr().String()))
	mustWrite(t, e, sinktest.Records("seq", 0, 3))
	readLines(t, accept(t, ln), 3)
	if _, known := e.link.raw.unread(); !known {
		t.Skip("nobody can tell here what was not read")
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}
