// Package bridge makes log/slog records OpenTelemetry records, without losing
// what the stock bridge loses: whole errors, faithful values, per-logger
// levels that change while the program runs.
//
// One front converts; behind it is one of two tails. [WithPipeline] hands the
// records straight to a sluice pipeline, without an allocation for scalar
// attributes. Otherwise they go through
// [go.opentelemetry.io/contrib/bridges/otelslog] into any
// [go.opentelemetry.io/otel/log.LoggerProvider]. Both yield the same record.
//
// # Records
//
// The message becomes the body, the time the timestamp (unset when zero), the
// level severity = level + 9 with [slog.Level.String] as severity text. Levels
// outside OpenTelemetry's range, that is below -8 or above 15, count as -8 and
// 15. The context's span gives trace id, span id and flags.
//
// Attributes stand in the order: those of Logger.With, the source location
// ([WithSource]), the context's ([With]), the call's, exception.*. Where a key
// stands twice the later one wins, which is the pipeline's or the SDK's work.
// Groups of Logger.WithGroup hold the attributes of the call and of later
// Logger.With calls only; the others stay at the top. Groups without
// attributes are left out, wherever they come from. A value without a key goes
// under "!BADKEY", slog's own name for it, because OpenTelemetry has no empty
// keys; a second one in a call under "!BADKEY.2", and so on.
//
// # Values
//
// Scalars keep their kind, []byte and byte arrays become bytes, and other
// values take the first form in this table that applies. It holds at every
// depth: in groups, slices, maps and structs.
//
//	time.Time               int64, nanoseconds since the Unix epoch; RFC 3339
//	                        where an int64 cannot hold it (before 1678, after 2262)
//	time.Duration           int64, nanoseconds
//	uint64 over MaxInt64    decimal string
//	attribute.Value         as it is
//	slog.LogValuer          what LogValue returns
//	error                   Error()
//	encoding.TextMarshaler  its text: net.IP, uuid.UUID, slog.Level
//	json.Marshaler          its JSON, decoded: json.RawMessage
//	fmt.Stringer            String(): time.Month
//	nil pointer, interface  empty
//	pointer                 what it points to
//	struct                  map of the exported fields under their JSON names,
//	                        with omitempty, omitzero and "-" as encoding/json has them
//	map                     map, sorted; keys that are no strings in their text form
//	slice, array            slice
//	complex                 map of r and i
//	chan, func              name of the type
//
// Numbers for times and durations are what OpenTelemetry's own bridges give.
// Where otelslog keeps a value whole, the record is equal to otelslog's; it
// differs for errors, structs, text forms, uint64 over MaxInt64, empty groups,
// and groups of Logger.WithGroup that hold nothing but another one, which
// otelslog loses.
//
// # Code of the user
//
// LogValue, Error and the like are called on the caller's goroutine and
// outside every lock: one that blocks blocks only its own log call, and it may
// log. A panic becomes the value "!PANIC: …", an error "!ERROR: …", as slog
// itself writes them; a method that panics on a nil pointer gives the empty
// value. Panics go to OpenTelemetry's error handler, once for each type.
// Values deeper than 64 levels end in "<max-depth-exceeded>" (formats show 31
// levels), attributes of more than 10,000 values in "<max-values-exceeded>",
// cycles in "<cycle>", and a method that logs itself without end in
// "<recursion>".
//
// # Errors
//
// Every error keeps its own key. The first error of the call (else of the
// context, else of Logger.With) also gives exception.type, named as the SDK
// names it, exception.message, and from [WithStackLevel] on
// exception.stacktrace: the stack that the error carries (a Callers or
// StackTrace method, as go-errors and pkg/errors have them), else the log
// call's. An exception.* attribute given at the top wins over the derived one.
// The names are those of OpenTelemetry's semantic conventions for exceptions
// in logs.
//
// # Crashes and endings
//
// Queued records are lost when a process ends without a Shutdown. [Recover]
// logs a panic, delivers it and lets it go on; [Exit] stands for os.Exit;
// [OnSignal] ends a process that SIGTERM reaches. [CaptureCrashes] has the next
// start log what no Recover sees, such as concurrent map writes. All of them
// wait for delivery, with a deadline, and go on whatever exporters and users'
// code do meanwhile. Their records are as others: what a panic says passes
// every step of the pipeline, a redaction too, while standard error and the
// files of CaptureCrashes hold it raw.
package bridge
