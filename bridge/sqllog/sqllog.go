package sqllog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
	"time"
)

// Option configures [Open] and [Wrap].
type Option func(*reporter)

// DefaultSlow is how long a statement may take before it is a WARN.
const DefaultSlow = 200 * time.Millisecond

// WithSystem sets db.system.name, as the semantic conventions spell it:
// postgresql, mysql, sqlite. Some of them also decide what "…" means.
func WithSystem(name string) Option {
	return func(r *reporter) { r.system, r.quotes = name, quotesOf(name) }
}

// WithSlow sets the duration from which a statement is a WARN; the default is
// [DefaultSlow]. With 0 none is.
func WithSlow(d time.Duration) Option {
	return func(r *reporter) { r.slow = d }
}

// WithLiterals leaves literals and comments in db.query.text and in errors as
// they are, for programs whose statements never hold a value.
func WithLiterals(keep bool) Option {
	return func(r *reporter) { r.literals = keep }
}

// WithParameters adds the first 64 parameters as text. Those that a name or
// their content shows to be secret are redacted; those that are text, also when
// the statement names something secret (a column "password").
// It does not make errors show parameters.
func WithParameters(on bool) Option {
	return func(r *reporter) { r.parameters = on }
}

// Open is [sql.Open] with a logger.
func Open(driverName, dataSource string, logger *slog.Logger, opts ...Option) (*sql.DB, error) {
	bare, err := sql.Open(driverName, dataSource)
	if err != nil {
		return nil, err
	}
	d := bare.Driver()
	if err := bare.Close(); err != nil { // it has no connection yet
		return nil, err
	}
	var c driver.Connector = source{d, dataSource}
	if dc, ok := d.(driver.DriverContext); ok {
		if c, err = dc.OpenConnector(dataSource); err != nil {
			return nil, err
		}
	}
	return sql.OpenDB(Wrap(c, logger, opts...)), nil
}

// Wrap returns a connector for [sql.OpenDB] that logs to logger what is done
// on its connections.
func Wrap(c driver.Connector, logger *slog.Logger, opts ...Option) driver.Connector {
	r := &reporter{logger: logger, slow: DefaultSlow}
	for _, opt := range opts {
		opt(r)
	}
	return &connector{c, r}
}

// DriverConn returns the driver's own connection for one that
// [sql.Conn.Raw] gives; another value is returned as it is.
func DriverConn(driverConn any) any {
	if c, ok := driverConn.(interface{ own() driver.Conn }); ok {
		return c.own()
	}
	return driverConn
}

// source connects through a driver that has no connectors.
type source struct {
	driver driver.Driver
	name   string
}

func (s source) Connect(context.Context) (driver.Conn, error) { return s.driver.Open(s.name) }
func (s source) Driver() driver.Driver                        { return s.driver }

type connector struct {
	driver.Connector
	*reporter
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	start := c.start(ctx)
	dc, err := c.Connector.Connect(ctx)
	c.report(ctx, start, operation{name: "CONNECT", auxiliary: true, err: err})
	if err != nil {
		return nil, err
	}
	return wrapConn(dc, c.reporter), nil
}

// Close implements [io.Closer], which sql.DB.Close asks for.
func (c *connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
