package sqllog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/sqllog"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLogger(t testing.TB) (*slog.Logger, *sinktest.Memory, *processors.Pipeline) {
	t.Helper()
	memory := &sinktest.Memory{}
	simple, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return bridge.NewLogger("shop.db", bridge.WithPipeline(p)), memory, p
}

// show writes a record as one line, without its duration.
func show(r record.Record) string {
	var attrs []string
	for _, kv := range r.Attributes {
		switch kv.Key {
		case "db.client.operation.duration", "exception.stacktrace":
		default:
			attrs = append(attrs, string(kv.Key)+"="+kv.Value.Emit())
		}
	}
	return r.SeverityText + " " + r.Body.AsString() + " " + strings.Join(attrs, " ")
}

// logged returns the records of what f does with a database.
func logged(t *testing.T, db *fake, f func(*sql.DB), opts ...sqllog.Option) (lines []string) {
	t.Helper()
	logger, memory, _ := newLogger(t)
	pool := sql.OpenDB(sqllog.Wrap(db, logger, opts...))
	f(pool)
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range memory.Records() {
		lines = append(lines, show(r))
	}
	return lines
}

func failing(with error) func(context.Context, string) error {
	return func(_ context.Context, op string) error {
		if strings.Contains(op, "Exec") || strings.Contains(op, "Query") {
			return with
		}
		return nil
	}
}

type stateError struct{}

func (stateError) Error() string    { return "duplicate key" }
func (stateError) SQLState() string { return "23505" }

func TestRecords(t *testing.T) {
	full := func(err error) *fake { return &fake{conn: conns["full"], stmt: stmts["context"], answer: failing(err)} }
	exec := func(db *sql.DB) { _, _ = db.Exec("update carts set n = ? where id = 42", 3) }
	for _, tt := range []struct {
		name string
		db   *fake
		do   func(*sql.DB)
		opts []sqllog.Option
		want []string
	}{
		{"exec", full(nil), exec, nil, []string{
			"DEBUG UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? db.response.affected_rows=2"}},
		{"query", full(nil), func(db *sql.DB) { _ = db.QueryRow("SELECT n FROM carts").Scan(new(int)) }, []sqllog.Option{sqllog.WithSystem("sqlite")}, []string{
			"DEBUG SELECT db.system.name=sqlite db.operation.name=SELECT db.query.text=SELECT n FROM carts"}},
		{"a driver that always prepares", &fake{conn: conns["bare"], stmt: stmts["bare"]}, exec, nil, []string{
			"DEBUG UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? db.response.affected_rows=2"}},
		{"a driver that leaves it to preparing", &fake{conn: conns["full"], stmt: stmts["context"], answer: func(_ context.Context, op string) error {
			if op == "ExecContext" {
				return driver.ErrSkip
			}
			return nil
		}}, exec, nil, []string{
			"DEBUG UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? db.response.affected_rows=2"}},
		{"transaction", full(nil), func(db *sql.DB) {
			tx, _ := db.Begin()
			_, _ = tx.Exec("DELETE FROM carts")
			_ = tx.Commit()
			tx, _ = db.Begin()
			_ = tx.Rollback()
		}, nil, []string{
			"DEBUG BEGIN db.operation.name=BEGIN",
			"DEBUG DELETE db.operation.name=DELETE db.query.text=DELETE FROM carts db.response.affected_rows=2",
			"DEBUG COMMIT db.operation.name=COMMIT",
			"DEBUG BEGIN db.operation.name=BEGIN",
			"DEBUG ROLLBACK db.operation.name=ROLLBACK"}},
		{"slow", full(nil), func(db *sql.DB) { _ = db.Ping(); exec(db) }, []sqllog.Option{sqllog.WithSlow(1)}, []string{
			"WARN CONNECT db.operation.name=CONNECT",
			"WARN PING db.operation.name=PING",
			"WARN UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? db.response.affected_rows=2"}},
		{"never slow", full(nil), func(db *sql.DB) { _ = db.Ping() }, []sqllog.Option{sqllog.WithSlow(0)}, nil},
		{"failure", full(errors.New("no such table: carts")), exec, nil, []string{
			"ERROR UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? " +
				"error.type=*errors.errorString error=no such table: carts exception.type=*errors.errorString exception.message=no such table: carts"}},
		{"SQLSTATE", full(fmt.Errorf("pq: %w", stateError{})), exec, nil, []string{
			"ERROR UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? " +
				"db.response.status_code=23505 error.type=23505 error=pq: duplicate key exception.type=github.com/seed2f724858/sluice/bridge/sqllog_test.stateError exception.message=pq: duplicate key"}},
		{"timeout", full(context.DeadlineExceeded), exec, nil, []string{
			"ERROR UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? " +
				"error.type=timeout error=context deadline exceeded exception.type=context.deadlineExceededError exception.message=context deadline exceeded"}},
		{"canceled", full(context.Canceled), exec, nil, []string{
			"DEBUG UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = ? " +
				"error.type=canceled error=context canceled exception.type=*errors.errorString exception.message=context canceled"}},
		{"preparing fails", &fake{conn: conns["bare"], stmt: stmts["bare"], answer: func(_ context.Context, op string) error {
			if op == "Prepare" {
				return errors.New("syntax error")
			}
			return nil
		}}, exec, nil, []string{
			"ERROR PREPARE db.operation.name=PREPARE db.query.text=update carts set n = ? where id = ? " +
				"error.type=*errors.errorString error=syntax error exception.type=*errors.errorString exception.message=syntax error"}},
		{"connecting fails", &fake{answer: func(_ context.Context, op string) error {
			if op == "Connect" {
				return errors.New("refused")
			}
			return nil
		}}, exec, nil, []string{
			"ERROR CONNECT db.operation.name=CONNECT error.type=*errors.errorString error=refused exception.type=*errors.errorString exception.message=refused"}},
		{"literals kept", full(errors.New("near 42")), exec, []sqllog.Option{sqllog.WithLiterals(true)}, []string{
			"ERROR UPDATE db.operation.name=UPDATE db.query.text=update carts set n = ? where id = 42 " +
				"error.type=*errors.errorString error=near 42 exception.type=*errors.errorString exception.message=near 42"}},
		{"no word", full(nil), func(db *sql.DB) { _, _ = db.Exec("'x'") }, nil, []string{
			"DEBUG SQL db.operation.name=SQL db.query.text=? db.response.affected_rows=2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := logged(t, tt.db, tt.do, tt.opts...)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestBadConnection(t *testing.T) {
	n := 0
	db := &fake{conn: conns["full"], stmt: stmts["context"], answer: func(_ context.Context, op string) error {
		if op == "ExecContext" {
			if n++; n == 1 {
				return driver.ErrBadConn
			}
		}
		return nil
	}}
	got := logged(t, db, func(db *sql.DB) {
		if _, err := db.Exec("DELETE"); err != nil {
			t.Error(err)
		}
	})
	if len(got) != 2 || !strings.HasPrefix(got[0], "WARN DELETE") || !strings.HasPrefix(got[1], "DEBUG DELETE") {
		t.Errorf("%q", got)
	}
}

func TestParameters(t *testing.T) {
	when := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	many := make([]any, 100)
	for i := range many {
		many[i] = i
	}
	for _, tt := range []struct {
		name, query string
		args        []any
		want        string
	}{
		{"kinds", "INSERT", []any{int64(1), 2.5, true, "shoes", []byte("abc"), when, nil},
			"0=1;1=2.5;2=true;3=shoes;4=<3 bytes>;5=2026-11-21T10:00:00Z;6=NULL"},
		{"named", "SELECT @id", []any{sql.Named("id", 7), sql.Named("password", "canary")}, "id=7;password=[REDACTED]"},
		{"a secret column", "UPDATE users SET password = ? WHERE id = ?", []any{"canary", 7}, "0=[REDACTED];1=7"},
		{"a quoted secret column", "UPDATE users SET `password` = ? WHERE id = ?", []any{"canary", 7}, "0=[REDACTED];1=7"},
		{"long", "SELECT", []any{strings.Repeat("é", 300)}, "0=" + strings.Repeat("é", 126) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := &fake{conn: conns["full"], stmt: stmts["context"]}
			do := func(db *sql.DB) { _, _ = db.Exec(tt.query, tt.args...) }
			got := logged(t, db, do, sqllog.WithParameters(true))
			want := strings.ReplaceAll(";"+tt.want, ";", " db.query.parameter.")
			if len(got) != 1 || !strings.Contains(got[0], want+" db.response") {
				t.Errorf("%q, want %q", got, want)
			}
			for _, line := range logged(t, db, do) {
				if strings.Contains(line, "parameter") {
					t.Errorf("without being asked: %s", line)
				}
			}
		})
	}
	got := logged(t, &fake{conn: conns["full"]}, func(db *sql.DB) { _, _ = db.Exec("INSERT", many...) }, sqllog.WithParameters(true))
	if n := strings.Count(got[0], "db.query.parameter."); n != 64 {
		t.Errorf("%d parameters", n)
	}
}

// What a statement or its parameters hold does not come back in the error.
func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		query string
		args  []any
		err   string
		want  string
	}{
		{"ALTER USER ann PASSWORD 'hunter2'", nil, `near "hunter2": syntax error`, `near "?": syntax error`},
		{"ALTER USER ann PASSWORD 'it''s p@$$word'", nil, `near "it's p@$$word"`, `near "?"`},
		{"ALTER USER ann PASSWORD 'it''s p@$$word'", nil, `near "''s p@$$word'"`, `near "''s p@$$?'"`},
		{"ALTER USER ann IDENTIFIED BY hunter2", nil, `bad password hunter2`, `bad password ?`},
		{"SELECT $$hunter2 secret$$", nil, `near "hunter2"`, `near "?"`},
		{`SELECT 'a\' , 'hunter2'`, nil, `near "hunter2"`, `near "?"`},
		{"INSERT INTO users VALUES (?)", []any{"ann@example.com"}, "Duplicate entry 'ann@example.com' for key", "Duplicate entry '?' for key"},
		{"INSERT INTO cards VALUES (?)", []any{int64(4111111111111111)}, "Duplicate entry '4111111111111111'", "Duplicate entry '?'"},
		{"INSERT INTO blobs VALUES (?)", []any{[]byte("hunter2")}, "bad blob hunter2", "bad blob ?"},
		{"INSERT INTO users VALUES (@p1)", []any{"hunter2Zq9hunter2Zq9"}, "would be truncated in table 'shop.users', column 'pw'. Truncated value: 'hunter2Zq9h'.", "would be truncated in table 'shop.users', column 'pw'. Truncated value: '?'."},
		{"INSERT INTO users VALUES (@p1)", []any{"p@$$-and-more"}, "Truncated value: 'p@$$-a'.", "Truncated value: '?'."},
		{"UPDATE users SET pw = = 'correct horse battery'", nil, "near '= 'correct horse batt' at line 1", "near '= '?' at line 1"},
		{"UPDATE users SET pw = = 'correct horse battery'", nil, "near 'horse batt' at line 1", "near '? ?' at line 1"},
		{"INSERT INTO users VALUES (?)", []any{"consulate"}, `violates unique constraint "users_key"`, `violates unique constraint "users_key"`},
		{"SELECT * FROM carts WHERE n = 'abc'", nil, `relation "carts" does not exist`, `relation "carts" does not exist`},
		{"SELECT '" + strings.Repeat("x", 70_000) + "'", nil, "near xxxxxx", "withheld, for the statement is too long to look for its values"},
	} {
		db := &fake{conn: conns["full"], answer: failing(errors.New(tt.err))}
		logger, memory, _ := newLogger(t)
		pool := sql.OpenDB(sqllog.Wrap(db, logger, sqllog.WithSystem("postgresql")))
		if _, err := pool.Exec(tt.query, tt.args...); err == nil || err.Error() != tt.err {
			t.Errorf("the program got %v", err)
		}
		_ = pool.Close()
		r := memory.Records()[0]
		for _, key := range []attribute.Key{"error", "exception.message"} {
			if v, _ := r.Attr(key); v.AsString() != tt.want {
				t.Errorf("%s: %s is %q, want %q", tt.query, key, v.AsString(), tt.want)
			}
		}
	}
}

// The duration is that of the driver's work, and decides what is slow.
func TestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, memory, _ := newLogger(t)
		db := &fake{conn: conns["full"], answer: func(_ context.Context, op string) error {
			if op == "QueryContext" {
				time.Sleep(1500 * time.Millisecond)
			}
			return nil
		}}
		pool := sql.OpenDB(sqllog.Wrap(db, logger, sqllog.WithSlow(1500*time.Millisecond)))
		rows, err := pool.Query("SELECT")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the program's own time
		for rows.Next() {
		}
		_ = pool.Close()
		r := memory.Records()[0]
		took, _ := r.Attr("db.client.operation.duration")
		if r.SeverityText != "WARN" || took.Type() != attribute.FLOAT64 || took.AsFloat64() != 1.5 {
			t.Errorf("%s after %v", r.SeverityText, took.AsInterface())
		}
	})
}

// A transaction's end has the trace of its beginning; a canceled context is no
// error even when the driver calls it something else.
func TestContext(t *testing.T) {
	logger, memory, _ := newLogger(t)
	db := &fake{conn: conns["full"], answer: func(ctx context.Context, op string) error {
		if op == "QueryContext" {
			<-ctx.Done()
			return errors.New("canceling statement due to user request")
		}
		return nil
	}}
	pool := sql.OpenDB(sqllog.Wrap(db, logger))
	defer pool.Close()
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(t.Context(), sc)
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	cancel()
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.Raw(func(dc any) error {
		_, _ = dc.(driver.QueryerContext).QueryContext(ctx, "SELECT", nil)
		return nil
	})
	recs := memory.Records()
	if len(recs) != 3 {
		t.Fatalf("%d records", len(recs))
	}
	for _, r := range recs {
		if r.TraceID != sc.TraceID() || r.SeverityText != "DEBUG" {
			t.Errorf("%s, trace %s", show(r), r.TraceID)
		}
	}
}

func TestOpen(t *testing.T) {
	logger, memory, _ := newLogger(t)
	f := &fake{conn: conns["full"]}
	if !slices.Contains(sql.Drivers(), "sqllog-plain") { // with -count there is more than one run
		sql.Register("sqllog-plain", fakeDriver{f})
		sql.Register("sqllog-connectors", contextDriver{f})
	}
	for _, name := range []string{"sqllog-plain", "sqllog-connectors"} {
		db, err := sqllog.Open(name, "dsn", logger)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("DELETE"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := memory.Len(); n != 2 {
		t.Errorf("%d records", n)
	}
	if _, err := sqllog.Open("no such driver", "dsn", logger); err == nil {
		t.Error("no error for an unknown driver")
	}
}

type contextDriver struct{ f *fake }

func (d contextDriver) Open(string) (driver.Conn, error)               { return nil, errors.New("use the connector") }
func (d contextDriver) OpenConnector(string) (driver.Connector, error) { return d.f, nil }

// Where no record can result, the logger costs no allocation.
func TestAllocations(t *testing.T) {
	logger, memory, p := newLogger(t)
	ctx := context.Background()
	for _, levels := range []string{"off", "info"} {
		rules, err := processors.ParseLevels(levels)
		if err != nil {
			t.Fatal(err)
		}
		p.Levels().Configure(rules)
		c, err := sqllog.Wrap(quick{}, logger, sqllog.WithSlow(time.Hour)).Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, "DELETE")
		if err != nil {
			t.Fatal(err)
		}
		exec, stmtExec, ping := c.(driver.ExecerContext), s.(driver.StmtExecContext), c.(driver.Pinger)
		if n := testing.AllocsPerRun(100, func() {
			_, _ = exec.ExecContext(ctx, "DELETE", nil)
			_, _ = stmtExec.ExecContext(ctx, nil)
			_ = ping.Ping(ctx)
		}); n != 0 {
			t.Errorf("levels %s: %v allocations", levels, n)
		}
	}
	if memory.Len() != 0 {
		t.Errorf("%d records", memory.Len())
	}
}

// quick does nothing, without an allocation.
type quick struct{ driver.Conn }

func (q quick) Connect(context.Context) (driver.Conn, error)                { return q, nil }
func (quick) Driver() driver.Driver                                         { return nil }
func (quick) Ping(context.Context) error                                    { return nil }
func (q quick) PrepareContext(context.Context, string) (driver.Stmt, error) { return quickStmt{}, nil }
func (quick) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

type quickStmt struct{ driver.Stmt }

func (quickStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}
