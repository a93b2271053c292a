package decode

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

const resourceLogs = "resourceLogs"

// isOTLP reports whether s is an object that begins as LogsData does.
func isOTLP(s string) bool {
	p := parser{s: s}
	if !p.next('{') {
		return false
	}
	p.space()
	key, ok := p.str()
	return ok && key == resourceLogs
}

// otlp reads one LogsData message in OTLP's JSON mapping
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding) and yields
// its records. It is false, and yields nothing, if s is none. As the mapping
// demands, unknown fields are ignored, null is a field's default, 64-bit
// integers may be strings or numbers, and bytes either kind of base64.
func (d *Decoder) otlp(s string, now time.Time, yield func(*record.Record, string)) bool {
	read := func(emit func(*record.Record)) bool {
		p := otlpParser{parser: parser{s: s}, origins: &d.origins, emit: emit}
		isLogs := false
		ok := p.message(func(key string) bool {
			if key != resourceLogs {
				_, ok := p.skip()
				return ok
			}
			isLogs = true
			return p.array(p.resourceLogs)
		})
		return ok && isLogs && p.atEnd()
	}
	// The first pass only finds out whether the line is sound. Holding its
	// records instead would let small ones take a hundred times its size.
	if !read(func(*record.Record) {}) {
		return false
	}
	return read(func(r *record.Record) {
		if r.Observed.IsZero() {
			r.Observed = now
		}
		if r.Severity == 0 {
			r.Severity = d.o.Severity
		}
		yield(r, r.Logger())
	})
}

type otlpParser struct {
	parser
	origins *origins
	emit    func(*record.Record)
}

// message reads an object, skipping members that are null.
func (p *otlpParser) message(member func(key string) bool) bool {
	return p.object(func(key string) bool {
		p.space()
		if strings.HasPrefix(p.s[p.pos:], "null") {
			return p.literal("null")
		}
		return member(key)
	})
}

// parts reads an object into the texts of its members; those of other names
// are dropped.
func (p *otlpParser) parts(members map[string]*string) bool {
	return p.message(func(key string) bool {
		raw, ok := p.skip()
		if m := members[key]; m != nil {
			*m = raw
		}
		return ok
	})
}

// within runs read on raw, a text cut from the message.
func (p *otlpParser) within(raw string, read func() bool) bool {
	outer := p.parser
	p.parser = parser{s: raw}
	ok := raw == "" || read()
	p.parser = outer
	return ok
}

// resourceLogs reads a ResourceLogs. Its parts are looked at twice because
// their order is open, and records need resource and scope first.
func (p *otlpParser) resourceLogs() bool {
	var resource, scopeLogs, schemaURL string
	if !p.parts(map[string]*string{"resource": &resource, "scopeLogs": &scopeLogs, "schemaUrl": &schemaURL}) {
		return false
	}
	res, ok := p.resource(resource, schemaURL)
	return ok && p.within(scopeLogs, func() bool {
		return p.array(func() bool { return p.scopeLogs(res) })
	})
}

func (p *otlpParser) scopeLogs(res *record.Resource) bool {
	var scope, logRecords, schemaURL string
	if !p.parts(map[string]*string{"scope": &scope, "logRecords": &logRecords, "schemaUrl": &schemaURL}) {
		return false
	}
	origin, ok := p.origin(res, scope, schemaURL)
	return ok && p.within(logRecords, func() bool {
		return p.array(func() bool { return p.logRecord(origin) })
	})
}

func (p *otlpParser) logRecord(origin *record.Origin) bool {
	r := record.Record{Origin: origin}
	var n uint64
	ok := p.message(func(key string) (ok bool) {
		switch key {
		case "timeUnixNano":
			n, ok = p.uint()
			r.Timestamp = nanoTime(n)
		case "observedTimeUnixNano":
			n, ok = p.uint()
			r.Observed = nanoTime(n)
		case "severityNumber":
			var i int64
			i, ok = p.int()
			r.Severity = log.Severity(i)
			ok = ok && int64(int32(i)) == i
		case "severityText":
			r.SeverityText, ok = p.str()
		case "eventName":
			r.EventName, ok = p.str()
		case "body":
			r.Body, ok = p.anyValue(1)
		case "attributes":
			r.Attributes, ok = p.keyValues(1)
		case "droppedAttributesCount":
			n, ok = p.uint()
			r.Dropped = int(min(n, math.MaxInt32))
			ok = ok && n <= math.MaxUint32
		case "flags":
			n, ok = p.uint()
			// The other 24 bits are reserved.
			r.TraceFlags = trace.TraceFlags(n & 0xff)
			ok = ok && n <= math.MaxUint32
		case "traceId":
			ok = p.id(r.TraceID[:])
		case "spanId":
			ok = p.id(r.SpanID[:])
		default:
			_, ok = p.skip()
		}
		return ok
	})
	if ok {
		p.emit(&r)
	}
	return ok
}

func nanoTime(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(int64(n/1e9), int64(n%1e9)).UTC()
}

// id reads a hexadecimal id. One that is not valid is none, as logs.proto has
// it: the record is worth more.
func (p *otlpParser) id(id []byte) bool {
	s, ok := p.str()
	clear(id)
	isHex(s, id)
	return ok
}

// integer returns the text of an integer that may stand in quotes.
func (p *otlpParser) integer() (string, bool) {
	if s, ok := p.str(); ok {
		return s, true
	}
	s, integer, ok := p.number()
	return s, ok && integer
}

func (p *otlpParser) uint() (uint64, bool) {
	s, ok := p.integer()
	n, err := strconv.ParseUint(s, 10, 64)
	return n, ok && err == nil
}

func (p *otlpParser) int() (int64, bool) {
	s, ok := p.integer()
	n, err := strconv.ParseInt(s, 10, 64)
	return n, ok && err == nil
}

func (p *otlpParser) double() (float64, bool) {
	s, ok := p.str()
	if !ok {
		s, _, ok = p.number()
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, ok && err == nil
}

func (p *otlpParser) bool() (v, ok bool) {
	if p.literal("true") {
		return true, true
	}
	return false, p.literal("false")
}

func (p *otlpParser) bytes() ([]byte, bool) {
	s, ok := p.str()
	s = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, ok && err == nil
}

func (p *otlpParser) keyValues(depth int) ([]attribute.KeyValue, bool) {
	var kvs []attribute.KeyValue
	ok := p.array(func() bool {
		var kv attribute.KeyValue
		ok := p.message(func(key string) (ok bool) {
			switch key {
			case "key":
				var s string
				s, ok = p.str()
				kv.Key = attribute.Key(s)
			case "value":
				kv.Value, ok = p.anyValue(depth)
			default:
				_, ok = p.skip()
			}
			return ok
		})
		kvs = append(kvs, kv)
		return ok
	})
	kvs, _ = lastOfEach(kvs, nil)
	return kvs, ok
}

// anyValue reads an AnyValue. What is nested deeper than [encode.MaxDepth]
// becomes a string of its JSON text.
func (p *otlpParser) anyValue(depth int) (v attribute.Value, ok bool) {
	ok = p.message(func(key string) (ok bool) {
		switch key {
		case "stringValue":
			var s string
			s, ok = p.str()
			v = attribute.StringValue(s)
		case "intValue":
			var n int64
			n, ok = p.int()
			v = attribute.Int64Value(n)
		case "doubleValue":
			var f float64
			f, ok = p.double()
			v = attribute.Float64Value(f)
		case "boolValue":
			var b bool
			b, ok = p.bool()
			v = attribute.BoolValue(b)
		case "bytesValue":
			var b []byte
			b, ok = p.bytes()
			v = attribute.ByteSliceValue(b)
		case "arrayValue", "kvlistValue":
			if depth > encode.MaxDepth {
				var raw string
				raw, ok = p.skip()
				v = attribute.StringValue(raw)
				return ok
			}
			if key == "arrayValue" {
				v, ok = p.arrayValue(depth)
			} else {
				v, ok = p.kvlistValue(depth)
			}
		default:
			_, ok = p.skip()
		}
		return ok
	})
	return v, ok
}

func (p *otlpParser) arrayValue(depth int) (attribute.Value, bool) {
	var elems []attribute.Value
	ok := p.message(func(key string) bool {
		if key != "values" {
			_, ok := p.skip()
			return ok
		}
		return p.array(func() bool {
			v, ok := p.anyValue(depth + 1)
			elems = append(elems, v)
			return ok
		})
	})
	return sliceOf(elems), ok
}

func (p *otlpParser) kvlistValue(depth int) (attribute.Value, bool) {
	var kvs []attribute.KeyValue
	ok := p.message(func(key string) (ok bool) {
		if key != "values" {
			_, ok = p.skip()
			return ok
		}
		kvs, ok = p.keyValues(depth + 1)
		return ok
	})
	return attribute.MapValue(kvs...), ok
}
