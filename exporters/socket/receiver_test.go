package socket

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is the other end of a stream: it keeps what comes.
type receiver struct {
	net.Listener
	done  sync.WaitGroup
	mu    sync.Mutex
	conns [][]byte // what came over each connection, in the order of accepting
}

// receive keeps all that comes over ln's connections.
func receive(t testing.TB, ln net.Listener) *receiver {
	r := &receiver{Listener: ln}
	r.done.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			i := len(r.conns)
			r.conns = append(r.conns, nil)
			r.mu.Unlock()
			r.done.Go(func() {
				defer conn.Close()
				buf := make([]byte, 32<<10)
				for {
					n, err := conn.Read(buf)
					r.mu.Lock()
					r.conns[i] = append(r.conns[i], buf[:n]...)
					r.mu.Unlock()
					if err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(r.stop)
	return r
}

// stop ends the receiver, once all its connections are closed.
func (r *receiver) stop() {
	r.Close()
	r.done.Wait()
}

func (r *receiver) data() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Join(r.conns, nil)
}

// forget empties the receiver, which has no connection.
func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = nil
}

func listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	return listen(t, "tcp", "127.0.0.1:0")
}

// config returns settings for an endpoint.
func config(endpoint string) Config {
	c := DefaultConfig()
	c.Endpoint = endpoint
	return c
}

func open(t testing.TB, c Config) *Exporter {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(t.Context()); err != nil {
			t.Logf("Shutdown: %v", err)
		}
	})
	return e
}

// hangUp closes e's connection once the receiver has read everything; the next
// Write makes another one.
func hangUp(t testing.TB, e *Exporter) {
	t.Helper()
	if err := e.turn.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer e.turn.Unlock()
	if e.link == nil {
		return
	}
	if err := e.link.hangUp(t.Context()); err != nil {
		t.Error(err)
	}
	e.link = nil
}

// lines checks that data is whole lines, and returns them without their ends.
func lines(t testing.TB, data []byte) [][]byte {
	t.Helper()
	if len(data) == 0 {
		return nil
	}
	whole, ok := bytes.CutSuffix(data, []byte("\n"))
	if !ok {
		t.Fatalf("the last line is torn: %.100q", data[bytes.LastIndexByte(data, '\n')+1:])
	}
	return bytes.Split(whole, []byte("\n"))
}

// messages checks that data is whole frames with their length in front.
func messages(t testing.TB, data []byte) (list [][]byte) {
	t.Helper()
	for r := bytes.NewReader(data); r.Len() > 0; {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			t.Fatal(err)
		}
		msg := make([]byte, size)
		if _, err := io.ReadFull(r, msg); err != nil {
			t.Fatalf("a frame of %d bytes: %v", size, err)
		}
		list = append(list, msg)
	}
	return list
}

// datagrams is the other end of unixgram and udp.
type datagrams struct {
	net.PacketConn
	mu    sync.Mutex
	list  [][]byte
	ended chan struct{}
}

func receiveDatagrams(t testing.TB, conn net.PacketConn) *datagrams {
	d := &datagrams{PacketConn: conn, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		buf := make([]byte, 1<<17)
		for {
			n, _, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if string(buf[:n]) == lastDatagram {
				d.ended <- struct{}{}
				continue
			}
			d.mu.Lock()
			d.list = append(d.list, bytes.Clone(buf[:n]))
			d.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-d.ended
	})
	return d
}

func (d *datagrams) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = nil
}

const lastDatagram = "all were read that came before"

// wait returns what has come, everything that was sent before the call: both
// transports keep the order, here.
func (d *datagrams) wait(t testing.TB) [][]byte {
	t.Helper()
	conn, err := net.Dial(d.LocalAddr().Network(), d.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(lastDatagram)); err != nil {
		t.Fatal(err)
	}
	<-d.ended
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list
}

func listenUnixgram(t testing.TB) (conn net.PacketConn, endpoint string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Skip(err)
	}
	return conn, "unixgram://" + path
}

func ids(list [][]byte) []string { return sinktest.IDs(bytes.Join(list, nil)) }

// secureListener returns a listener for TLS and a client's settings for it.
func secureListener(t testing.TB, change func(*tls.Config, *tlstest.Authority)) (net.Listener, Config, *tlstest.Authority) {
	t.Helper()
	ca := tlstest.NewAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t).Certificate}, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(cfg, ca)
	}
	ln := listenTCP(t)
	c := config("tls://" + ln.Addr().String())
	c.TLS = exporters.TLS{CAFile: ca.File}
	return tls.NewListener(ln, cfg), c, ca
}

// discard reads what comes over one connection and keeps none of it.
func discard(t testing.TB, ln net.Listener) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := ln.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
}

func discardPackets(t testing.TB, conn net.PacketConn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 1<<16); ; {
			if _, _, err := conn.ReadFrom(buf); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
}
