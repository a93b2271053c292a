package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// dialer makes connections to one endpoint.
type dialer struct {
	endpoint
	timeout time.Duration
	tls     *tls.Config // nil without TLS
}

// dial connects; the host's name is looked up each time.
func (d *dialer) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, d.network, d.address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", withCause(ctx, err))
	}
	raw, err := newPolled(conn, !d.datagram())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot connect: %w", err), conn.Close())
	}
	l := &link{conn: raw, raw: raw, since: time.Now()}
	if d.tls == nil {
		return l, nil
	}
	if err := d.handshake(ctx, l); err != nil {
		l.close()
		return nil, fmt.Errorf("TLS handshake: %w", withCause(ctx, err))
	}
	return l, nil
}

// refusal is how long a server has at least to refuse a certificate.
const refusal = time.Second

// handshake makes l a TLS connection.
func (d *dialer) handshake(ctx context.Context, l *link) error {
	config, asked, waiting := d.tls.Clone(), false, false
	if config.ServerName == "" {
		config.ServerName = d.host
	}
	choose := config.GetClientCertificate
	config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if choose == nil {
			return new(tls.Certificate), nil // there is none
		}
		return choose(info)
	}
	config.ClientSessionCache = ticket(func() {
		if waiting {
			_ = l.raw.SetReadDeadline(time.Unix(1, 0)) // fails with a closed connection only
		}
	})
	conn, start := tls.Client(l.raw, config), time.Now()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	l.conn = conn
	if !asked || conn.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	// With TLS 1.3 the handshake is over for the client before the server has
	// seen its certificate (RFC 8446 section 2): one that refuses it says so
	// behind the first batch, which would be lost, each time. So its answer is
	// waited for: a refusal, a session ticket, which takes the certificate for
	// good, or none of both for as long as an answer can take.
	deadline, _ := ctx.Deadline()
	if wait := time.Now().Add(max(refusal, 2*time.Since(start))); wait.Before(deadline) {
		deadline = wait
	}
	waiting = true
	err := conn.SetReadDeadline(deadline)
	if err == nil {
		_, err = conn.Read(l.scratch[:])
	}
	waiting = false
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return conn.SetReadDeadline(time.Time{})
}

// ticket is called when a server gives out a session ticket. It keeps none.
type ticket func()

// Get implements [tls.ClientSessionCache].
func (ticket) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements [tls.ClientSessionCache].
func (t ticket) Put(string, *tls.ClientSessionState) { t() }

// withCause returns err, and why ctx has ended if that is what it came from.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
