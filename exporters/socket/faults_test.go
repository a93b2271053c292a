package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func mustWrite(t *testing.T, e *Exporter, recs []record.Record) {
	t.Helper()
	if n, err := e.Write(t.Context(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write of %d records = %d, %v", len(recs), n, err)
	}
}

func wantRetryable(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
		t.Fatalf("want an error that is worth another try, have %v", err)
	}
}

// mustTell writes records, and wants to be told that earlier ones may be lost.
func mustTell(t *testing.T, e *Exporter, recs []record.Record) (lost uint64) {
	t.Helper()
	n, err := e.Write(t.Context(), recs)
	told, ok := errors.AsType[*lostError](err)
	if n != len(recs) || !ok {
		t.Fatalf("Write of %d records = %d, %v; want all, and to be told of a loss", len(recs), n, err)
	}
	return told.records
}

func accept(t *testing.T, ln net.Listener) *net.TCPConn {
	t.Helper()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func series(name string, n int) (want []string) {
	for i := range n {
		want = append(want, sinktest.ID(name, i))
	}
	return want
}

// readLines reads so many lines.
func readLines(t *testing.T, conn net.Conn, n int) []byte {
	t.Helper()
	var data []byte
	for buf := make([]byte, 1); bytes.Count(data, []byte("\n")) < n; {
		if _, err := io.ReadFull(conn, buf); err != nil {
			t.Fatal(err)
		}
		data = append(data, buf...)
	}
	return data
}

// Python's SocketHandler, Go's log/syslog and their like lose the first record
// after the receiver has come back, and say nothing.
func TestReceiverThatCameBackLosesNothing(t *testing.T) {
	ln := listenTCP(t)
	address := ln.Addr().String()
	e := open(t, config("tcp://"+address))
	mustWrite(t, e, sinktest.Records("seq", 0, 10))
	conn := accept(t, ln)
	got := sinktest.IDs(readLines(t, conn, 10))
	conn.Close()
	ln.Close()
	n, err := e.Write(t.Context(), sinktest.Records("seq", 10, 10))
	if wantRetryable(t, err); n != 0 {
		t.Fatalf("%d records went to a receiver that is gone", n)
	}
	ln = listen(t, "tcp", address)
	mustWrite(t, e, sinktest.Records("seq", 10, 10))
	got = append(got, sinktest.IDs(readLines(t, accept(t, ln), 10))...)
	if want := series("seq", 20); !slices.Equal(got, want) {
		t.Errorf("arrived: %v", got)
	}
}

// What was acknowledged and may be lost is told with the next batch that gets
// through, not beside a failure, where a retry would swallow it.
func TestResetIsTold(t *testing.T) {
	ln := listenTCP(t)
	e := open(t, config("tcp://"+ln.Addr().String()))
	mustWrite(t, e, sinktest.Records("unread", 0, 7))
	accept(t, ln).Close() // with data that nobody has read: a reset
	ln.Close()
	if _, err := e.Write(t.Context(), sinktest.Records("seq", 0, 3)); err == nil {
		t.Fatal("nobody listens")
	}
	ln = listen(t, "tcp", ln.Addr().String())
	if lost := mustTell(t, e, sinktest.Records("seq", 0, 3)); lost != 7 {
		t.Errorf("%d told, want 7", lost)
	}
	if got := sinktest.IDs(readLines(t, accept(t, ln), 3)); !slices.Equal(got, series("seq", 3)) {
		t.Errorf("arrived: %v", got)
	}
	mustWrite(t, e, sinktest.Records("seq", 3, 1)) // once is enough
}

// large returns records that no socket buffer holds.
func large(name string, n int) []record.Record {
	recs := sinktest.Records(name, 0, n)
	for i := range recs {
		recs[i].AddAttributes(attribute.String("fill", strings.Repeat("x", 64<<10)))
	}
	return recs
}

func TestResetWithinABatchAcknowledgesNone(t *testing.T) {
	ln := listenTCP(t)
	e := open(t, config("tcp://"+ln.Addr().String()))
	var wg sync.WaitGroup
	wg.Go(func() {
		conn := accept(t, ln)
		readLines(t, conn, 3)
		if err := conn.SetLinger(0); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
	n, err := e.Write(t.Context(), large("lost", 200))
	wg.Wait()
	if wantRetryable(t, err); n != 0 {
		t.Errorf("%d records acknowledged that a reset has thrown away", n)
	}
	r := receive(t, ln)
	mustWrite(t, e, sinktest.Records("seq", 0, 3))
	hangUp(t, e)
	if got := ids(lines(t, r.data())); !slices.Equal(got, series("seq", 3)) {
		t.Errorf("arrived: %v", got)
	}
}

// A receiver that stops reading holds Write up for the timeout. What the
// kernel has taken arrives when the receiver goes on; what was cut in two
// comes again, whole, over another connection.
func TestStalledReceiver(t *testing.T) {
	for _, framing := range []string{"newline", "length"} {
		t.Run(framing, func(t *testing.T) {
			ln := listenTCP(t)
			c := config("tcp://" + ln.Addr().String())
			c.Timeout, c.Framing = exporters.Duration(50*time.Millisecond), framing
			e := open(t, c)
			recs := large("seq", 300)
			n, err := e.Write(t.Context(), recs)
			if wantRetryable(t, err); n == 0 || n == len(recs) {
				t.Fatalf("%d of %d records taken: the test wants a batch that is larger than the buffers", n, len(recs))
			}
			r := receive(t, ln)
			for rest := recs[n:]; len(rest) > 0; {
				n, err := e.Write(t.Context(), rest)
				if rest = rest[n:]; err != nil {
					wantRetryable(t, err)
				}
			}
			if err := e.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			r.stop()
			var whole [][]byte
			for _, data := range r.conns {
				for len(data) > 0 {
					msg, rest, ok := cutMessage(data, framing)
					if !ok {
						break // torn by the timeout
					}
					whole, data = append(whole, msg), rest
				}
			}
			if got := ids(whole); !slices.Equal(got, series("seq", len(recs))) {
				t.Errorf("%d records arrived whole: %v", len(got), got)
			}
		})
	}
}

func cutMessage(data []byte, framing string) (msg, rest []byte, ok bool) {
	if framing == "newline" {
		return bytes.Cut(data, []byte("\n"))
	}
	if len(data) < prefixSize {
		return nil, nil, false
	}
	size := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
	if data = data[prefixSize:]; len(data) < size {
		return nil, nil, false
	}
	return data[:size], data[size:], true
}

// stall begins a Write that the receiver does not take.
func stall(t *testing.T, ctx context.Context, c Config, ln net.Listener) (e *Exporter, returned chan error) {
	t.Helper()
	c.Timeout = exporters.Unlimited
	e, returned = open(t, c), make(chan error, 1)
	go func() {
		n, err := e.Write(ctx, large("stalled", 300))
		if n == 300 {
			err = errors.New("the receiver took it all")
		}
		returned <- err
	}()
	readLines(t, accept(t, ln), 1)
	return e, returned
}

func TestContextEndsAStalledWrite(t *testing.T) {
	ln := listenTCP(t)
	ctx, cancel := context.WithCancel(t.Context())
	e, returned := stall(t, ctx, config("tcp://"+ln.Addr().String()), ln)
	other, cancelOther := context.WithCancel(t.Context())
	cancelOther()
	if err := e.ForceFlush(other); !errors.Is(err, context.Canceled) {
		t.Errorf("ForceFlush = %v", err)
	}
	if n, err := e.Write(other, sinktest.Records("other", 0, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("another Write = %d, %v", n, err)
	}
	cancel()
	if err := <-returned; !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v", err)
	}
	// What the kernel has may arrive yet, or not.
	if lost := mustTell(t, e, sinktest.Records("seq", 0, 1)); lost == 0 || lost >= 300 {
		t.Errorf("%d told", lost)
	}
	readLines(t, accept(t, ln), 1)
}

func TestShutdownEndsAStalledWrite(t *testing.T) {
	ln := listenTCP(t)
	e, returned := stall(t, t.Context(), config("tcp://"+ln.Addr().String()), ln)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
	wantRetryable(t, <-returned) // by another exporter, or after a restart
	if e.link != nil {
		t.Error("the connection is still open")
	}
}

// A receiver that talks, and never stops, costs nothing but the reading.
func TestTalkingReceiver(t *testing.T) {
	ln := listenTCP(t)
	e := open(t, config("tcp://"+ln.Addr().String()))
	mustWrite(t, e, sinktest.Records("seq", 0, 1))
	conn := accept(t, ln)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for {
			if _, err := conn.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	for i := range 200 {
		mustWrite(t, e, sinktest.Records("seq", 1+i, 1))
	}
	if got := sinktest.IDs(readLines(t, conn, 201)); !slices.Equal(got, series("seq", 201)) {
		t.Errorf("arrived: %v", got)
	}
	conn.Close()
}

func TestRefused(t *testing.T) {
	ln := listenTCP(t)
	ln.Close()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, endpoint := range []string{
		"tcp://" + ln.Addr().String(),
		"tls://" + ln.Addr().String(),
		"udp://" + conn.LocalAddr().String(),
		"unix://" + t.TempDir() + "/none",
		"unixgram://" + t.TempDir() + "/none",
		"tcp://no-such-host.invalid:1",
	} {
		e := open(t, config(endpoint))
		for range 2 {
			n, err := e.Write(t.Context(), sinktest.Records("seq", 0, 3))
			if wantRetryable(t, err); n != 0 || !strings.Contains(err.Error(), endpoint) {
				t.Errorf("%s: Write = %d, %v", endpoint, n, err)
			}
		}
	}
	// As soon as somebody listens, records arrive.
	if conn, err = net.ListenPacket("udp", conn.LocalAddr().String()); err != nil {
		t.Skip("the port was taken meanwhile: ", err)
	}
	d := receiveDatagrams(t, conn)
	mustWrite(t, open(t, config("udp://"+conn.LocalAddr().String())), sinktest.Records("seq", 0, 3))
	if got := ids(d.wait(t)); !slices.Equal(got, series("seq", 3)) {
		t.Errorf("arrived: %v", got)
	}
}

// A receiver of datagrams that was started anew is found again.
func TestUnixgramReceiverThatCameBack(t *testing.T) {
	conn, endpoint := listenUnixgram(t)
	e := open(t, config(endpoint))
	mustWrite(t, e, sinktest.Records("seq", 0, 1))
	path := conn.LocalAddr().String()
	conn.Close()
	if n, err := e.Write(t.Context(), sinktest.Records("seq", 1, 2)); n != 0 || err == nil {
		t.Fatalf("Write to nobody = %d, %v", n, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	d := receiveDatagrams(t, conn)
	if lost := mustTell(t, e, sinktest.Records("seq", 1, 2)); lost != 1 {
		t.Errorf("%d told, want the one that nobody had read", lost)
	}
	if got := ids(d.wait(t)); !slices.Equal(got, series("seq", 3)[1:]) {
		t.Errorf("arrived: %v", got)
	}
}

// Where the system takes smaller datagrams than the protocol, records are cut
// to its measure.
func TestDatagramsTooLargeForTheSystem(t *testing.T) {
	conn, endpoint := listenUnixgram(t)
	d, e := receiveDatagrams(t, conn), open(t, config(endpoint))
	mustWrite(t, e, sinktest.Records("seq", 0, 1))
	if err := e.link.raw.Conn.(*net.UnixConn).SetWriteBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	r := sinktest.Record(sinktest.ID("seq", 1))
	r.AddAttributes(attribute.String("fill", strings.Repeat("x", 60<<10)))
	mustWrite(t, e, []record.Record{r})
	list := d.wait(t)
	if got := ids(list); !slices.Equal(got, series("seq", 2)) {
		t.Fatalf("arrived: %v", got)
	}
	if !bytes.Contains(list[1], []byte(TruncatedBytes)) {
		t.Errorf("not marked: %s", list[1])
	}
}
