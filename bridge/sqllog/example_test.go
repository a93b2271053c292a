package sqllog_test

import (
	"database/sql"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/sqllog"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
)

// newPipeline returns a pipeline into memory. Programs get theirs, and its
// loggers, from sluice.Start.
func newPipeline() (*processors.Pipeline, *sinktest.Memory) {
	memory := &sinktest.Memory{}
	simple, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		panic(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		panic(err)
	}
	return p, memory
}

func showStatements(memory *sinktest.Memory) {
	for _, r := range memory.Records() {
		fmt.Println(r.SeverityText, r.Body.AsString())
		for _, key := range []attribute.Key{"db.query.text", "db.query.parameter.0", "db.query.parameter.1", "error"} {
			if v, ok := r.Attr(key); ok {
				fmt.Println("  ", key, v.AsString())
			}
		}
	}
}

func ExampleWrap() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop.db", bridge.WithPipeline(pipeline))

	// Most drivers make connectors: pq.NewConnector, stdlib.GetConnector of
	// pgx, mysql.NewConnector.
	connector := &fake{conn: conns["full"], stmt: stmts["context"], answer: failing(nil)}
	db := sql.OpenDB(sqllog.Wrap(connector, logger, sqllog.WithSystem("postgresql")))
	defer db.Close()

	_, _ = db.Exec(`UPDATE "carts" SET total = $1 WHERE id = 7`, 30)
	connector.answer = failing(errors.New(`syntax error at or near "hunter2"`))
	_, _ = db.Exec("ALTER USER ann PASWORD 'hunter2'")
	showStatements(memory)
	// Output:
	// DEBUG UPDATE
	//    db.query.text UPDATE "carts" SET total = $1 WHERE id = ?
	// ERROR ALTER
	//    db.query.text ALTER USER ann PASWORD ?
	//    error syntax error at or near "?"
}

func ExampleWithParameters() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop.db", bridge.WithPipeline(pipeline))
	connector := &fake{conn: conns["full"], stmt: stmts["context"]}
	db := sql.OpenDB(sqllog.Wrap(connector, logger, sqllog.WithParameters(true)))
	defer db.Close()

	_, _ = db.Exec("INSERT INTO items (cart, name) VALUES (?, ?)", 7, "shoes")
	_, _ = db.Exec("UPDATE users SET password_hash = ? WHERE id = ?", "$2a$10$N9qo8uLOickgx2ZMRZoMye", 7)
	showStatements(memory)
	// Output:
	// DEBUG INSERT
	//    db.query.text INSERT INTO items (cart, name) VALUES (?, ?)
	//    db.query.parameter.0 7
	//    db.query.parameter.1 shoes
	// DEBUG UPDATE
	//    db.query.text UPDATE users SET password_hash = ? WHERE id = ?
	//    db.query.parameter.0 [REDACTED]
	//    db.query.parameter.1 7
}
