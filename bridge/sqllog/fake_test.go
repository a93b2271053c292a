package sqllog_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
)

// fake is a database that keeps what is asked of it and answers as told. What
// its connections and statements implement is put together from parts.
type fake struct {
	conn func(*fake) driver.Conn
	stmt func(*fake, string) driver.Stmt
	// answer is the error of the operation with that name, if any; it may block.
	answer func(ctx context.Context, op string) error

	mu    sync.Mutex
	calls []string
}

func (f *fake) did(ctx context.Context, op string, details ...any) error {
	f.mu.Lock()
	f.calls = append(f.calls, op+fmt.Sprint(details...))
	f.mu.Unlock()
	if f.answer != nil {
		return f.answer(ctx, op)
	}
	return nil
}

func (f *fake) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// The connector, which has no driver.DriverContext.
func (f *fake) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.did(ctx, "Connect"); err != nil {
		return nil, err
	}
	return f.conn(f), nil
}
func (f *fake) Driver() driver.Driver { return fakeDriver{f} }
func (f *fake) Close() error          { return f.did(context.Background(), "CloseConnector") }

type fakeDriver struct{ *fake }

func (d fakeDriver) Open(string) (driver.Conn, error) { return d.Connect(context.Background()) }

var bg = context.Background()

// conn is what every connection has.
type conn struct{ f *fake }

func (c conn) Prepare(query string) (driver.Stmt, error) {
	if err := c.f.did(bg, "Prepare", query); err != nil {
		return nil, err
	}
	return c.f.stmt(c.f, query), nil
}
func (c conn) Close() error { return c.f.did(bg, "CloseConn") }
func (c conn) Begin() (driver.Tx, error) {
	return fakeTx(c), c.f.did(bg, "Begin")
}

type fakeTx struct{ f *fake }

func (t fakeTx) Commit() error   { return t.f.did(bg, "Commit") }
func (t fakeTx) Rollback() error { return t.f.did(bg, "Rollback") }

// The optional parts of a connection.
type (
	execs     struct{ f *fake }
	execsOld  struct{ f *fake }
	queries   struct{ f *fake }
	queryOld  struct{ f *fake }
	prepares  struct{ f *fake }
	begins    struct{ f *fake }
	pings     struct{ f *fake }
	resets    struct{ f *fake }
	validates struct{ f *fake }
	checks    struct {
		f    *fake
		name string
	}
)

func (p execs) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return result(2), p.f.did(ctx, "ExecContext", query, args)
}
func (p execsOld) Exec(query string, args []driver.Value) (driver.Result, error) {
	return result(2), p.f.did(bg, "Exec", query, args)
}
func (p queries) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return &fakeRows{}, p.f.did(ctx, "QueryContext", query, args)
}
func (p queryOld) Query(query string, args []driver.Value) (driver.Rows, error) {
	return &fakeRows{}, p.f.did(bg, "Query", query, args)
}
func (p prepares) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := p.f.did(ctx, "PrepareContext", query); err != nil {
		return nil, err
	}
	return p.f.stmt(p.f, query), nil
}
func (p begins) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := p.f.did(ctx, "BeginTx", opts); err != nil {
		return nil, err
	}
	return fakeTx(p), ctx.Err()
}
func (p pings) Ping(ctx context.Context) error          { return p.f.did(ctx, "Ping") }
func (p resets) ResetSession(ctx context.Context) error { return p.f.did(ctx, "ResetSession") }
func (p validates) IsValid() bool                       { return p.f.did(bg, "IsValid") == nil }

// checks takes values of type money, and only those; the rest is skipped.
func (p checks) CheckNamedValue(v *driver.NamedValue) error {
	m, ok := v.Value.(money)
	if !ok {
		return driver.ErrSkip
	}
	v.Value = p.name + string(m)
	return p.f.did(bg, "CheckNamedValue")
}

type money string

type result int64

func (r result) LastInsertId() (int64, error) { return 0, errors.New("none") }
func (r result) RowsAffected() (int64, error) { return int64(r), nil }

// fakeRows is one row of one column, with all that rows can have.
type fakeRows struct{ done bool }

func (*fakeRows) Columns() []string { return []string{"n"} }
func (*fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, int64(7)
	return nil
}
func (*fakeRows) HasNextResultSet() bool                            { return false }
func (*fakeRows) NextResultSet() error                              { return io.EOF }
func (*fakeRows) ColumnTypeScanType(int) reflect.Type               { return reflect.TypeFor[int64]() }
func (*fakeRows) ColumnTypeDatabaseTypeName(int) string             { return "NUMERIC" }
func (*fakeRows) ColumnTypeLength(int) (int64, bool)                { return 9, true }
func (*fakeRows) ColumnTypeNullable(int) (bool, bool)               { return true, true }
func (*fakeRows) ColumnTypePrecisionScale(int) (int64, int64, bool) { return 9, 2, true }

// stmt is what every statement has.
type stmt struct {
	f *fake
	q string
	n int
}

func (s stmt) Close() error  { return s.f.did(bg, "CloseStmt") }
func (s stmt) NumInput() int { return s.n }
func (s stmt) Exec(args []driver.Value) (driver.Result, error) {
	return result(2), s.f.did(bg, "StmtExec", args)
}
func (s stmt) Query(args []driver.Value) (driver.Rows, error) {
	return &fakeRows{}, s.f.did(bg, "StmtQuery", args)
}

// The optional parts of a statement.
type (
	stmtContext struct{ f *fake }
	converts    struct{ f *fake }
)

func (p stmtContext) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return result(2), p.f.did(ctx, "StmtExecContext", args)
}
func (p stmtContext) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return &fakeRows{}, p.f.did(ctx, "StmtQueryContext", args)
}

func (p converts) ColumnConverter(i int) driver.ValueConverter {
	_ = p.f.did(bg, "ColumnConverter", i)
	return converter{}
}

type converter struct{}

func (converter) ConvertValue(v any) (driver.Value, error) {
	if m, ok := v.(money); ok {
		return "converted " + string(m), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

var conns = map[string]func(*fake) driver.Conn{
	"bare": func(f *fake) driver.Conn { return conn{f} },
	"full": func(f *fake) driver.Conn {
		return struct {
			conn
			execs
			queries
			prepares
			begins
			pings
			resets
			validates
			checks
		}{conn{f}, execs{f}, queries{f}, prepares{f}, begins{f}, pings{f}, resets{f}, validates{f}, checks{f, "conn "}}
	},
	"before Go 1.8": func(f *fake) driver.Conn {
		return struct {
			conn
			execsOld
			queryOld
		}{conn{f}, execsOld{f}, queryOld{f}}
	},
	"executes only": func(f *fake) driver.Conn {
		return struct {
			conn
			execs
			validates
		}{conn{f}, execs{f}, validates{f}}
	},
	"queries only": func(f *fake) driver.Conn {
		return struct {
			conn
			queries
			begins
		}{conn{f}, queries{f}, begins{f}}
	},
	"checks only": func(f *fake) driver.Conn {
		return struct {
			conn
			checks
		}{conn{f}, checks{f, "conn "}}
	},
}

var stmts = map[string]func(*fake, string) driver.Stmt{
	"bare":             func(f *fake, q string) driver.Stmt { return stmt{f, q, inputs(q)} },
	"counts no inputs": func(f *fake, q string) driver.Stmt { return stmt{f, q, -1} },
	"context": func(f *fake, q string) driver.Stmt {
		return struct {
			stmt
			stmtContext
		}{stmt{f, q, inputs(q)}, stmtContext{f}}
	},
	"checks": func(f *fake, q string) driver.Stmt {
		return struct {
			stmt
			stmtContext
			checks
		}{stmt{f, q, inputs(q)}, stmtContext{f}, checks{f, "stmt "}}
	},
	"converts": func(f *fake, q string) driver.Stmt {
		return struct {
			stmt
			converts
		}{stmt{f, q, inputs(q)}, converts{f}}
	},
	"all": func(f *fake, q string) driver.Stmt {
		return struct {
			stmt
			stmtContext
			checks
			converts
		}{stmt{f, q, inputs(q)}, stmtContext{f}, checks{f, "stmt "}, converts{f}}
	},
}

func inputs(query string) (n int) {
	for _, c := range query {
		if c == '?' {
			n++
		}
	}
	return n
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
