package socket

import (
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/record"
)

// TruncatedBytes is the attribute of a record that was cut to fit into a
// message: an int, the number of bytes that the whole message would have had.
const TruncatedBytes = attribute.Key("sluice.truncated.bytes")

const (
	// ellipsis ends a text that was cut.
	ellipsis = "…"
	// omitted stands in for a list, a map or bytes that are too large.
	omitted = "[truncated]"
	// keepText is how many bytes of a text stay before attributes go.
	keepText = 64
)

var emptySize = new(record.Record).Size()

// shortener cuts one record until its message fits. Records are cut, not their
// encoded form: what is sent is as valid as any other message.
//
// Texts become shorter first, the longest most of all; lists and maps that are
// longer than texts may be go whole. When that is not enough the resource is
// left out but for the service's name, then the last attributes, which count
// as dropped, then all that can be.
type shortener struct {
	enc   func([]byte, *record.Record) []byte
	limit int
	size  int // of the whole message
	whole *record.Record

	cut    record.Record
	origin record.Origin
	res    record.Resource
}

// append appends the message; ok is false if there is none that fits.
func (s *shortener) append(dst []byte) (_ []byte, ok bool) {
	start, all := len(dst), len(s.whole.Attributes)
	fits := func(text, attributes int, resource bool) bool {
		s.shorten(text, attributes, resource)
		dst = s.enc(dst[:start], &s.cut)
		return len(dst)-start <= s.limit
	}
	var best func(n int) bool
	switch {
	case fits(keepText, all, true):
		best = func(n int) bool { return fits(n, all, true) }
		ok = best(search(keepText, s.limit, best))
	case fits(keepText, all, false):
		best = func(n int) bool { return fits(n, all, false) }
		ok = best(search(keepText, s.limit, best))
	case fits(keepText, 0, false):
		best = func(n int) bool { return fits(keepText, n, false) }
		ok = best(search(0, all, best))
	case fits(0, 0, false):
		best = func(n int) bool { return fits(n, 0, false) }
		ok = best(search(0, s.limit, best))
	}
	return dst, ok
}

// search returns the most between low, which fits, and high that fits, or a
// little less: each try encodes the record.
func search(low, high int, fits func(int) bool) int {
	for high-low > max(1, low/32) {
		if middle := low + (high-low)/2; fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// shorten makes s.cut a copy of the record with texts of at most text bytes,
// and the first so many attributes.
func (s *shortener) shorten(text, attributes int, resource bool) {
	w, kept := s.whole, s.cut.Attributes[:0]
	s.cut = *w
	s.cut.Body = shortValue(w.Body, text)
	s.cut.SeverityText = cutText(w.SeverityText, text)
	s.cut.EventName = cutText(w.EventName, text)
	for _, kv := range w.Attributes[:attributes] {
		if len(kv.Key) <= text {
			kept = append(kept, attribute.KeyValue{Key: kv.Key, Value: shortValue(kv.Value, text)})
		}
	}
	s.cut.Dropped += len(w.Attributes) - len(kept)
	s.cut.Attributes = append(kept, TruncatedBytes.Int(s.size))
	if w.Origin == nil {
		return
	}
	s.cut.Origin = &s.origin
	s.origin = record.Origin{Scope: record.Scope{Name: cutText(w.Origin.Scope.Name, text)}}
	if w.Origin.Resource == nil || text == 0 {
		return
	}
	s.origin.Resource = &s.res
	s.res = record.Resource{Attributes: s.res.Attributes[:0]}
	for _, kv := range w.Origin.Resource.Attributes {
		if kv.Key == semconv.ServiceNameKey || resource && len(kv.Key) <= text {
			s.res.Attributes = append(s.res.Attributes, attribute.KeyValue{Key: kv.Key, Value: shortValue(kv.Value, text)})
		}
	}
}

// shortValue returns v with at most n bytes of text.
func shortValue(v attribute.Value, n int) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		if text := v.AsString(); len(text) > n {
			return attribute.StringValue(cutText(text, n))
		}
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
	default:
		if (&record.Record{Body: v}).Size()-emptySize > n {
			return attribute.StringValue(omitted)
		}
	}
	return v
}

// cutText returns at most n bytes of s, whole characters of it, and an
// ellipsis if those are not all.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i] + ellipsis
		}
	}
	return s[:n] + ellipsis // no text anyway
}
