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

// leastRefusal is how long a server has at least to refuse a certificate.
const leastRefusal = 100 * time.Millisecond

// handshake makes l a TLS connection.
func (d *dialer) handshake(ctx context.Context, l *link) error {
	config, asked := d.tls.Clone(), false
	if config.ServerName == "" {
		config.ServerName = d.host
	}
	choose := config.GetClientCertificate
	config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if choose != nil {
			return choose(info)
		}
		for i := range config.Certificates {
			if info.SupportsCertificate(&config.Certificates[i]) == nil {
				return &config.Certificates[i], nil
			}
		}
		return new(tls.Certificate), nil
	}
	conn, start := tls.Client(l.raw, config), time.Now()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	l.conn = conn
	if !asked || conn.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	// With TLS 1.3 the handshake is over for the client before the server has
	// seen its certificate (RFC 8446 section 2): a server that refuses it says
	// so behind the first batch, which would be lost, each time. So its answer
	// is waited for, as long as it can take from what the handshake took.
	deadline, _ := ctx.Deadline()
	if wait := time.Now().Add(max(leastRefusal, 2*time.Since(start))); wait.Before(deadline) {
		deadline = wait
	}
	if err := conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Read(l.scratch[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return conn.SetReadDeadline(time.Time{})
}

// withCause returns err, and why ctx has ended if that is what it came from.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
