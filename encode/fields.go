package encode

import (
	"os"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/record"
)

// fields is the Include option, looked up once.
type fields struct {
	service, source, resource bool
	pid                       string // "" when not asked for
	host                      string // "" when not asked for
	any                       bool
}

func newFields(o Options) fields {
	var f fields
	for _, name := range o.Include {
		switch name {
		case FieldService:
			f.service = true
		case FieldPID:
			f.pid = strconv.Itoa(os.Getpid())
		case FieldHost:
			host, err := os.Hostname()
			if err != nil || host == "" {
				host = "unknown"
			}
			f.host = host
		case FieldSource:
			f.source = true
		case FieldResource:
			f.resource = true
		default:
			continue
		}
		f.any = true
	}
	return f
}

func (f *fields) has(key string) bool {
	switch Field(key) {
	case FieldService:
		return f.service
	case FieldPID:
		return f.pid != ""
	case FieldHost:
		return f.host != ""
	case FieldSource:
		return f.source
	case FieldResource:
		return f.resource
	}
	return false
}

// serviceName returns service.name of r's resource, "" without one.
func serviceName(r *record.Record) string {
	attrs := r.ResourceAttributes()
	for i := len(attrs) - 1; i >= 0; i-- {
		if attrs[i].Key == semconv.ServiceNameKey {
			return attrs[i].Value.AsString()
		}
	}
	return ""
}

// source is where the log call stands.
type source struct {
	file, function string
	line           int64
}

// sourceOf returns r's source; ok is false when it has none, or when it is not
// asked for.
func (f *fields) sourceOf(r *record.Record) (s source, ok bool) {
	if !f.source {
		return s, false
	}
	for i := range r.Attributes {
		kv := &r.Attributes[i]
		switch kv.Key {
		case semconv.CodeFilePathKey:
			s.file, ok = kv.Value.AsString(), kv.Value.Type() == attribute.STRING
		case semconv.CodeFunctionNameKey:
			s.function = kv.Value.AsString()
		case semconv.CodeLineNumberKey:
			s.line = kv.Value.AsInt64()
		}
	}
	return s, ok
}

// isSource reports whether key is one of those that a shown source stands for.
func isSource(key attribute.Key) bool {
	switch key {
	case semconv.CodeFilePathKey, semconv.CodeFunctionNameKey, semconv.CodeLineNumberKey:
		return true
	}
	return false
}

// append appends the source; str appends one of its strings.
func (s source) append(dst []byte, str func([]byte, string) []byte) []byte {
	dst = str(dst, s.file)
	if s.line > 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, s.line, 10)
	}
	if s.function != "" {
		dst = append(dst, ' ')
		dst = str(dst, s.function)
	}
	return dst
}
