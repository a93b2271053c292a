package sqllog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/bridge/sqllog"
)

// transcript is all that a program can see of a driver and a driver of a
// program.
func transcript(f *fake, db *sql.DB) (lines []string) {
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	note := func(what string, got ...any) { lines = append(lines, what+": "+fmt.Sprint(got...)) }
	exec := func(res sql.Result, err error) string {
		if err != nil {
			return err.Error()
		}
		n, err := res.RowsAffected()
		return fmt.Sprint(n, err)
	}
	query := func(rows *sql.Rows, err error) string {
		if err != nil {
			return err.Error()
		}
		defer rows.Close()
		types, err := rows.ColumnTypes()
		if err != nil {
			return err.Error()
		}
		t := types[0]
		length, _ := t.Length()
		nullable, _ := t.Nullable()
		precision, scale, _ := t.DecimalSize()
		out := fmt.Sprint(t.ScanType(), t.DatabaseTypeName(), length, nullable, precision, scale)
		for rows.Next() {
			var n int
			out += fmt.Sprint(rows.Scan(&n), n)
		}
		return out + fmt.Sprint(rows.NextResultSet(), rows.Err())
	}
	note("ping", db.PingContext(ctx))
	for _, args := range [][]any{{1, "a"}, {money("5"), nil}, {sql.Named("x", 1), 2}, {1}, {make(chan int), 1}} {
		note("exec", args[0] != nil, exec(db.ExecContext(ctx, "UPDATE ? ?", args...)))
		note("query", query(db.QueryContext(ctx, "SELECT ? ?", args...)))
		s, err := db.PrepareContext(ctx, "SELECT ? ?")
		if note("prepare", err); err == nil {
			note("stmt exec", exec(s.ExecContext(ctx, args...)))
			note("stmt query", query(s.QueryContext(ctx, args...)))
			note("stmt gone", exec(s.ExecContext(gone, args...)))
			note("stmt close", s.Close())
		}
	}
	for _, opts := range []*sql.TxOptions{nil, {}, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, opts)
		if note("begin", err); err == nil {
			note("exec in tx", exec(tx.Exec("DELETE")))
			note("commit", tx.Commit())
		}
	}
	if tx, err := db.Begin(); err == nil {
		note("rollback", tx.Rollback())
	}
	c, err := db.Conn(ctx)
	if note("conn", err); err == nil {
		note("raw", c.Raw(func(dc any) error {
			note("type", fmt.Sprintf("%T", sqllog.DriverConn(dc)))
			return nil
		}))
		note("gone ping", c.PingContext(gone))
		_, err = c.BeginTx(gone, nil)
		note("gone begin", err)
		_, err = c.PrepareContext(gone, "SELECT")
		note("gone prepare", err)
		note("close", c.Close())
	}
	note("driver", fmt.Sprintf("%T", db.Driver()))
	note("db close", db.Close())
	return append(lines, f.take()...)
}

// With and without the logger a program and a driver see the same, whatever
// the driver implements and however it answers.
func TestTransparent(t *testing.T) {
	answers := map[string]func() func(context.Context, string) error{
		"well": func() func(context.Context, string) error { return nil },
		"badly": func() func(context.Context, string) error {
			return func(_ context.Context, op string) error {
				if op == "Connect" || op == "CheckNamedValue" {
					return nil
				}
				return errors.New(op + " failed")
			}
		},
		"skipping": func() func(context.Context, string) error {
			return func(_ context.Context, op string) error {
				if op == "ExecContext" || op == "QueryContext" || op == "Exec" || op == "Query" || op == "CheckNamedValue" {
					return driver.ErrSkip
				}
				return nil
			}
		},
		"with every third connection lost": func() func(context.Context, string) error {
			n := 0
			return func(_ context.Context, op string) error {
				if n++; n%3 == 0 && op != "Connect" {
					return driver.ErrBadConn
				}
				return nil
			}
		},
	}
	logger, _, _ := newLogger(t)
	for _, cn := range sorted(conns) {
		for _, sn := range sorted(stmts) {
			for _, an := range sorted(answers) {
				t.Run(cn+"/"+sn+"/"+an, func(t *testing.T) {
					plain := &fake{conn: conns[cn], stmt: stmts[sn], answer: answers[an]()}
					logged := &fake{conn: conns[cn], stmt: stmts[sn], answer: answers[an]()}
					want := transcript(plain, sql.OpenDB(plain))
					got := transcript(logged, sql.OpenDB(sqllog.Wrap(logged, logger)))
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-plain +logged):\n%s", diff)
					}
				})
			}
		}
	}
}

// A Go version that adds an interface to database/sql/driver needs a look at
// this package; those of Rows do not, because rows are not wrapped.
func TestEveryInterfaceIsKnown(t *testing.T) {
	known := []string{
		"ColumnConverter", "Conn", "ConnBeginTx", "ConnPrepareContext", "Connector", "Driver", "DriverContext",
		"Execer", "ExecerContext", "NamedValueChecker", "Pinger", "Queryer", "QueryerContext", "Result",
		"SessionResetter", "Stmt", "StmtExecContext", "StmtQueryContext", "Tx", "Validator", "ValueConverter", "Valuer",
	}
	dir := filepath.Join(runtime.GOROOT(), "src", "database", "sql", "driver")
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Skip("no source of Go here")
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			_, isInterface := spec.Type.(*ast.InterfaceType)
			if isInterface && spec.Name.IsExported() && !strings.HasPrefix(spec.Name.Name, "Rows") && !slices.Contains(known, spec.Name.Name) {
				t.Errorf("driver.%s is new", spec.Name.Name)
			}
			return true
		})
	}
}
