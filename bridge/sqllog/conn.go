package sqllog

import (
	"context"
	"database/sql/driver"
	"errors"
)

// conn is a connection that logs. Where the driver lacks an optional interface
// its methods do what database/sql does then, with two exceptions that change
// how arguments are checked, and so are there only if the driver has them:
// execer and queryer.
type conn struct {
	driver.Conn
	*reporter
}

var (
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

// oldExecer and oldQueryer are what drivers implemented before Go 1.8, and may
// still: driver.Execer and driver.Queryer, which are deprecated.
type (
	oldExecer interface {
		Exec(query string, args []driver.Value) (driver.Result, error)
	}
	oldQueryer interface {
		Query(query string, args []driver.Value) (driver.Rows, error)
	}
)

func wrapConn(dc driver.Conn, r *reporter) driver.Conn {
	c := &conn{dc, r}
	executes := is[driver.ExecerContext](dc) || is[oldExecer](dc)
	queries := is[driver.QueryerContext](dc) || is[oldQueryer](dc)
	switch {
	case executes && queries:
		return struct {
			*conn
			execer
			queryer
		}{c, execer{c}, queryer{c}}
	case executes:
		return struct {
			*conn
			execer
		}{c, execer{c}}
	case queries:
		return struct {
			*conn
			queryer
		}{c, queryer{c}}
	}
	return c
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

func (c *conn) own() driver.Conn { return c.Conn }

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	start := c.start(ctx)
	s, err := prepare(ctx, c.Conn, query)
	c.report(ctx, start, operation{name: "PREPARE", auxiliary: true, query: query, err: err})
	if err != nil {
		return nil, err
	}
	return wrapStmt(s, c, query), nil
}

func prepare(ctx context.Context, dc driver.Conn, query string) (driver.Stmt, error) {
	if p, ok := dc.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	s, err := dc.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = s.Close() // the context's error is what the caller asked to hear
		return nil, ctx.Err()
	}
	return s, err
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	start := c.start(ctx)
	t, err := begin(ctx, c.Conn, opts)
	c.report(ctx, start, operation{name: "BEGIN", err: err})
	if err != nil {
		return nil, err
	}
	return &tx{t, ctx, c.reporter}, nil
}

func begin(ctx context.Context, dc driver.Conn, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := dc.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	switch {
	case opts.Isolation != 0: // sql.LevelDefault
		return nil, errors.New("sql: driver does not support non-default isolation level")
	case opts.ReadOnly:
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	//lint:ignore SA1019 this driver has nothing else
	t, err := dc.Begin()
	if err == nil && ctx.Err() != nil {
		_ = t.Rollback()
		return nil, ctx.Err()
	}
	return t, err
}

func (c *conn) Ping(ctx context.Context) error {
	p, ok := c.Conn.(driver.Pinger)
	if !ok {
		return nil
	}
	start := c.start(ctx)
	err := p.Ping(ctx)
	c.report(ctx, start, operation{name: "PING", auxiliary: true, err: err})
	return err
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// execer is the part of a connection that executes without preparing.
type execer struct{ c *conn }

func (e execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	start := e.c.start(ctx)
	res, err := exec(ctx, e.c.Conn, query, args)
	e.c.report(ctx, start, operation{query: query, args: args, result: res, err: err})
	return res, err
}

func exec(ctx context.Context, dc driver.Conn, query string, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := dc.(driver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return dc.(oldExecer).Exec(query, values)
}

// queryer is the part of a connection that queries without preparing.
type queryer struct{ c *conn }

func (q queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	start := q.c.start(ctx)
	rows, err := ask(ctx, q.c.Conn, query, args)
	q.c.report(ctx, start, operation{query: query, args: args, err: err})
	return rows, err
}

func ask(ctx context.Context, dc driver.Conn, query string, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := dc.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return dc.(oldQueryer).Query(query, values)
}

// unnamed returns the arguments for a method that knows neither a context nor
// names.
func unnamed(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = a.Value
	}
	return values, ctx.Err()
}
