// Package sqllog logs what a program asks of a database through database/sql,
// with log/slog: one record a statement, when the driver has answered.
//
//	db, err := sqllog.Open("postgres", dsn, logger, sqllog.WithSystem("postgresql"))
//
// # Levels
//
// A statement is DEBUG, from [WithSlow] on WARN, and ERROR when it failed. A
// statement whose context was canceled is no error (DEBUG), a connection that
// broke and that database/sql replaces (driver.ErrBadConn) is a WARN. BEGIN,
// COMMIT and ROLLBACK are statements; CONNECT, PING and PREPARE give a record
// only when they are slow or fail, because drivers prepare most statements
// anyway. Where no record can result, a call costs a look at the logger's
// level and no allocation.
//
// # Attributes
//
// The message is the operation, SELECT. Names and values are those of
// OpenTelemetry's semantic conventions for database spans, version 1.43.0:
//
//	db.system.name                see [WithSystem]
//	db.operation.name             the statement's first word, in upper case
//	db.query.text                 literals in it stand as ?, see [WithLiterals]
//	db.query.parameter.KEY        name or index from 0, see [WithParameters]
//	db.response.affected_rows     where the driver tells; the conventions have
//	                              no name for it
//	db.client.operation.duration  seconds, float
//	db.response.status_code       the SQLSTATE of an error that has one
//	error.type                    the SQLSTATE, canceled, timeout, or Go's type
//	error                         the error
//
// The duration of a query ends when the driver hands out its rows: reading
// them is the program's own pace. Rows are not wrapped, so their number is not
// known, and all their optional interfaces stay the driver's.
//
// # Secrets
//
// Literals may be secrets: ALTER USER ann PASSWORD 'hunter2'. They are masked
// in the text, and in an error's text wherever they or the statement's
// parameters, a word of them, or the beginning of either come back (of four
// bytes or more). In another notation, hexadecimal say, they are not found
// there. What an error quotes besides, names above all, is left: it is what
// the error is about. Comments are left out.
// Databases do not agree on what a literal is. Where two readings are possible
// (a backslash before a quote, an apostrophe within brackets or behind #) and
// where a password may stand without quotes (IDENTIFIED BY), all that follows
// is masked. "…" is taken for a literal unless [WithSystem] names a database
// in which it cannot be one. A secret in an identifier is not found. Texts are
// cut at 4096 bytes, parameters at 256.
//
// # The driver's interfaces
//
// Connections and statements have the optional interfaces of the driver's own,
// or act in their place exactly as database/sql does where they are missing.
// sql.DB.Driver returns the driver's own driver, [DriverConn] its connection.
package sqllog
