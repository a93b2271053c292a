// Package httpclient is what exporters that speak HTTP share: one request, one
// bounded answer, and errors in which no secret stands.
package httpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
)

const (
	// MaxAnswer bounds what is read of an answer's body, in bytes.
	MaxAnswer = 64 << 10
	// maxHeader bounds an answer's headers, in bytes.
	maxHeader = 64 << 10
	// maxIdle bounds the connections kept for the next request: as many as
	// there are usually concurrent writers.
	maxIdle = 16
	// writeBuffer lets a usual batch leave with its headers in one packet.
	writeBuffer = 64 << 10
	// idleTimeout closes connections that nothing was sent over for so long. It
	// is that of net/http's own transport.
	idleTimeout = 90 * time.Second
)

// Config are the settings of a Client.
type Config struct {
	// TLS is for https.
	TLS exporters.TLS
	// ProxyURL is the proxy to go through, http, https or socks5, with user and
	// password if it wants them. If it is empty the environment decides:
	// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as [http.ProxyFromEnvironment] has it.
	ProxyURL exporters.Secret
	// Timeout bounds each request, from dialling to the end of the answer; 0
	// and exporters.Unlimited set no bound.
	Timeout exporters.Duration
	// Secrets are what must not show in an error although the far side repeats
	// it: what is secret of headers and URLs. The credentials of proxies are
	// known.
	Secrets []string
}

// Client sends requests. It speaks HTTP/1.1: exporters gain nothing by
// several requests in one connection, and a request that times out closes its
// connection, which HTTP/2 would go on using. It is safe for concurrent use.
type Client struct {
	http    http.Client
	timeout time.Duration
	clean   quote.Cleaner
}

// New returns a Client; it sends nothing yet.
func New(c Config) (*Client, error) {
	tlsConfig, err := c.TLS.Client()
	if err != nil {
		return nil, err
	}
	proxy := http.ProxyFromEnvironment
	if c.ProxyURL != "" {
		u, err := ParseProxy(c.ProxyURL)
		if err != nil {
			return nil, fmt.Errorf("proxy_url: %w", err)
		}
		proxy = http.ProxyURL(u)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy:                  proxy,
		DialContext:            dialer(),
		TLSClientConfig:        tlsConfig,
		DisableCompression:     true, // an answer unpacked could be of any size
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        writeBuffer,
		Protocols:              &protocols,
		OnProxyConnectResponse: refusedByProxy,
	}
	client := &Client{
		http: http.Client{
			Transport: transport,
			// A redirect may turn a POST into a GET, and leads credentials astray.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		clean: quote.NewCleaner(append(quote.ProxySecrets(c.ProxyURL.Reveal()), c.Secrets...)...),
	}
	if c.Timeout != exporters.Unlimited {
		client.timeout = c.Timeout.Std()
	}
	return client, nil
}

// ParseProxy reads the URL of a proxy. Its errors show nothing of it.
func ParseProxy(s exporters.Secret) (*url.URL, error) {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" {
		return nil, errors.New("want a URL like http://proxy:3128")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, errors.New("unknown scheme: want http, https or socks5")
}

// refusedByProxy tells the status by which a proxy does not connect. net/http
// would tell what words the proxy has for it.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy does not connect: %w", &StatusError{Status: resp.StatusCode})
}

// Clean makes a text of the server, or a proxy, fit for an error: without
// secrets, in one line of printable characters, and not long.
func (c *Client) Clean(s string) string { return c.clean.Line(s) }

// CloseIdle closes the connections that no request uses.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// Request is one request. It is used for one Do.
type Request struct {
	Method string
	URL    *url.URL
	// Header is not changed, and may be shared by concurrent requests.
	Header http.Header
	Body   []byte

	sending atomic.Int32 // connections that Body is on its way into
}

// Released reports, after Do, whether Body may be used for something else.
// net/http may go on sending it for a while after an early answer; then it
// must be left alone.
func (r *Request) Released() bool { return r.sending.Load() == 0 }

// Answer is what a server has answered.
type Answer struct {
	Status int
	Header http.Header
	// Body is what came of the body, at most MaxAnswer bytes. It is empty if
	// that was cut off on the way: what matters by then is the status.
	Body []byte
}

// Do sends r and returns the answer, whatever its status. Errors are those of
// the way there and back, and worth another try; they show the endpoint's host
// and no more of it.
//
// A request that fails in a connection kept from an earlier one, which the
// server may have closed meanwhile, is sent once more in a new one. The server
// may so get it twice.
func (c *Client) Do(ctx context.Context, r *Request) (*Answer, error) {
	call := ctx
	if c.timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeoutCause(ctx, c.timeout, &timeoutError{c.timeout})
		defer cancel()
	}
	kept := false
	call = httptrace.WithClientTrace(call, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			kept = info.Reused
			r.sending.Add(1)
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { r.sending.Add(-1) },
	})
	resp, err := c.http.Do(r.request(call))
	if err != nil && kept && call.Err() == nil {
		c.CloseIdle() // others were kept as long
		resp, err = c.http.Do(r.request(call))
	}
	if err != nil {
		return nil, c.wayError(call, r.URL, err)
	}
	defer resp.Body.Close()
	answer := &Answer{Status: resp.StatusCode, Header: resp.Header}
	if body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1)); err == nil {
		answer.Body = body[:min(len(body), MaxAnswer)]
	}
	return answer, nil
}

func (r *Request) request(ctx context.Context) *http.Request {
	req := &http.Request{
		Method:        r.Method,
		URL:           r.URL,
		Host:          r.URL.Host,
		Header:        r.Header,
		ContentLength: int64(len(r.Body)),
		// A plain reader of memory: of what it does not know net/http sends the
		// headers in a packet of their own.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil },
	}
	if len(r.Body) > 0 {
		req.Body, _ = req.GetBody()
	}
	return req.WithContext(ctx)
}
