package sqllog

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement that logs.
type stmt struct {
	driver.Stmt
	c     *conn
	query string
}

var (
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// wrapStmt keeps a ColumnConverter, which cannot be acted for: its presence
// alone changes how database/sql checks arguments.
func wrapStmt(s driver.Stmt, c *conn, query string) driver.Stmt {
	w := &stmt{s, c, query}
	if cc, ok := s.(columnConverter); ok {
		return convertingStmt{w, cc}
	}
	return w
}

// columnConverter is driver.ColumnConverter, which is deprecated.
type columnConverter interface {
	ColumnConverter(idx int) driver.ValueConverter
}

type convertingStmt struct {
	*stmt
	columns columnConverter // embedded, its name would hide the method
}

func (s convertingStmt) ColumnConverter(i int) driver.ValueConverter {
	return s.columns.ColumnConverter(i)
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	start := s.c.start(ctx)
	res, err := s.exec(ctx, args)
	s.c.report(ctx, start, operation{query: s.query, args: args, result: res, err: err})
	return res, err
}

func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.Stmt.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 this driver has nothing else
	return s.Stmt.Exec(values)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	start := s.c.start(ctx)
	rows, err := s.ask(ctx, args)
	s.c.report(ctx, start, operation{query: s.query, args: args, err: err})
	return rows, err
}

func (s *stmt) ask(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 this driver has nothing else
	return s.Stmt.Query(values)
}

// CheckNamedValue asks the statement, else the connection, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}

// tx is a transaction that logs its end under the context of its beginning,
// because driver.Tx gets none.
type tx struct {
	driver.Tx
	ctx context.Context
	*reporter
}

func (t *tx) Commit() error {
	start := t.start(t.ctx)
	err := t.Tx.Commit()
	t.report(t.ctx, start, operation{name: "COMMIT", err: err})
	return err
}

func (t *tx) Rollback() error {
	start := t.start(t.ctx)
	err := t.Tx.Rollback()
	t.report(t.ctx, start, operation{name: "ROLLBACK", err: err})
	return err
}
