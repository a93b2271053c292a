package encode

// OTLPRecord is a log record in OTLP's binary form, apart from its origin, so
// that it can be stored once and sent in whatever request it then stands in.
type OTLPRecord struct {
	// Origin is shared by all records of one resource and scope: neighbours
	// with the same pointer are grouped. It may be nil.
	Origin *OTLPOrigin
	// Log holds the fields of a LogRecord message.
	Log []byte
	// UID, unless it is empty, is sent as the attribute log.record.uid.
	UID string
}

// OTLPOrigin is a resource and a scope in OTLP's binary form.
type OTLPOrigin struct {
	// Resource holds the fields of a ResourceLogs message but for scope_logs,
	// Scope those of a ScopeLogs message but for log_records.
	Resource, Scope []byte
}
