package socket

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// Config are the settings of the socket exporter. [DefaultConfig] supplies the
// defaults; a field then means what it says.
type Config struct {
	// Endpoint is where records go: tcp://host:port, tls://host:port,
	// udp://host:port, unix:///path or unixgram:///path. An IPv6 address
	// stands in brackets; a path that begins with @ is in Linux's abstract
	// namespace.
	Endpoint string `yaml:"endpoint"`
	// Format is json, text, logfmt or otlp_json.
	Format string `yaml:"format"`
	// Template is what messages of the format text look like, with fields in
	// braces; the fields are those of [encode.Options].
	Template string `yaml:"template"`
	// Include lists what messages show beyond the record's own fields:
	// service, pid, host, source, resource.
	Include []encode.Field `yaml:"include"`
	// Framing tells messages of a stream apart: newline ends each with a line
	// feed, the only one in it; length puts its length in bytes in front, as
	// four bytes, most significant first, as Python's SocketHandler does. A
	// datagram is a message without either.
	Framing string `yaml:"framing"`
	// MaxMessageSize bounds a message in bytes, its frame not counted. A
	// record that is larger is cut and marked. 0 is 65507, the most that UDP
	// carries, for datagrams, and no bound for streams; else at least 480.
	MaxMessageSize exporters.Size `yaml:"max_message_size"`
	// Timeout bounds connecting, TLS handshake included, and how long the
	// destination may take none of the next 64 KiB.
	Timeout exporters.Duration `yaml:"timeout"`
	// TLS are the settings of a tls:// endpoint.
	TLS exporters.TLS `yaml:"tls"`
}

// DefaultConfig sends JSON, a line each on a stream, and waits 10 s. It lacks
// an endpoint.
func DefaultConfig() Config {
	return Config{
		Format:  "json",
		Framing: "newline",
		Timeout: exporters.Duration(defaultTimeout),
	}
}

const (
	// leastMessage is what every receiver of RFC 5424 takes (section 6.1), and
	// room for a record that has lost all that can be cut.
	leastMessage = 480
	// maxDatagram is the 65,535 bytes of an IPv4 packet less its header and
	// that of UDP.
	maxDatagram = 65507
)

var formats = []string{"json", "text", "logfmt", "otlp_json"}

// Validate reports everything that is wrong with c, without touching the
// network.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("format", c.Format, formats...),
		exporters.OneOf("framing", c.Framing, "newline", "length"),
	}
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	ep, err := parseEndpoint(c.Endpoint)
	if err != nil {
		fail("endpoint: %w", err)
	}
	if err == nil && ep.datagram() && c.Framing == "length" {
		fail("framing: length is for streams: a datagram of %s:// is a message by itself", ep.scheme)
	}
	if err == nil && !ep.secure && c.TLS != (exporters.TLS{}) {
		fail("tls: has no effect on %s://: write tls://", ep.scheme)
	}
	if len(c.Include) > 0 && c.Template != "" {
		fail("include: the template says what messages show: write {%s} there", c.Include[0])
	}
	switch size := c.MaxMessageSize; {
	case size != 0 && size < leastMessage, size > math.MaxInt32:
		fail("max_message_size: want 0, or %d to 2GiB, have %s", leastMessage, size)
	case err == nil && ep.datagram() && size > maxDatagram:
		fail("max_message_size: a datagram carries at most %d bytes, have %s", maxDatagram, size)
	}
	if slices.Contains(formats, c.Format) {
		errs = append(errs, c.validateEncoder())
	}
	if c.Timeout <= 0 {
		fail("timeout: want more than 0, or \"unlimited\", have %s", c.Timeout)
	}
	errs = append(errs, c.TLS.Validate())
	return errors.Join(errs...)
}

// validateEncoder reports an encoder that cannot be made, or whose shortest
// message is longer than messages may be.
func (c Config) validateEncoder() error {
	enc, err := c.encoder()
	if err != nil {
		return err
	}
	least := len(enc.Append(nil, &record.Record{}))
	if c.MaxMessageSize >= leastMessage && least > int(c.MaxMessageSize)/2 {
		return fmt.Errorf("max_message_size: %s leaves no room: an empty record takes %d bytes", c.MaxMessageSize, least)
	}
	return nil
}

func (c Config) encoder() (encode.Encoder, error) {
	return encode.New(c.Format, encode.Options{Include: c.Include, Template: c.Template})
}

// Check reports TLS files that cannot be read.
func (c Config) Check() error { return c.TLS.Check() }

// limit is the number of bytes that a message may have.
func (c Config) limit(ep endpoint) int {
	switch {
	case c.MaxMessageSize > 0:
		return int(c.MaxMessageSize)
	case ep.datagram():
		return maxDatagram
	}
	return math.MaxInt32
}
