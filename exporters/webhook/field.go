package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// field appends what it shows of a record, in lines of visible characters.
type field func(dst []byte, r *record.Record) []byte

// field returns the field of that name, with what stands behind the name.
func (t *texts) field(spec string) (field, error) {
	if spec == "record" {
		return nil, fmt.Errorf("%s makes an object: it must be all of its string", fieldRecord)
	}
	enc, err := encode.New("text", encode.Options{Template: "{" + spec + "}"})
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: column 1: "))
	}
	name, _, _ := strings.Cut(strings.ReplaceAll(spec, ">", "<"), "<") // without a width
	t.shown = append(t.shown, keysOf(name)...)
	visible := func(dst []byte, r *record.Record) []byte {
		dst = enc.Append(dst, r)
		return dst[:len(dst)-1] // the line feed
	}
	if name == "attributes" {
		return func(dst []byte, r *record.Record) []byte {
			others := *r
			others.Attributes = t.notShown(r.Attributes)
			return visible(dst, &others)
		}, nil
	}
	// What may have lines keeps them: JSON has a place for line feeds.
	value := valueOf(spec)
	if value == nil {
		return visible, nil
	}
	return func(dst []byte, r *record.Record) []byte {
		if v := value(r); v.Type() == attribute.STRING {
			return t.appendLines(dst, v.AsString())
		}
		return visible(dst, r)
	}, nil
}

var exceptionKeys = map[string]string{
	"exception:type":    string(semconv.ExceptionTypeKey),
	"exception:message": string(semconv.ExceptionMessageKey),
	"exception:stack":   string(semconv.ExceptionStacktraceKey),
}

// keysOf returns the attributes that a field shows.
func keysOf(field string) []string {
	if field == "exception" {
		return []string{string(semconv.ExceptionTypeKey), string(semconv.ExceptionMessageKey)}
	}
	if key, ok := exceptionKeys[field]; ok {
		return []string{key}
	}
	if key, ok := strings.CutPrefix(field, "attr:"); ok {
		return []string{key}
	}
	return nil
}

// notShown returns the attributes that no field of the template shows by name.
func (t *texts) notShown(kvs []attribute.KeyValue) (others []attribute.KeyValue) {
	for _, kv := range kvs {
		if !slices.Contains(t.shown, string(kv.Key)) {
			others = append(others, kv)
		}
	}
	return others
}

// valueOf returns where the value of a field stands, nil for a field that is
// not one value, or has a width.
func valueOf(field string) func(*record.Record) attribute.Value {
	if field == "message" {
		return func(r *record.Record) attribute.Value { return r.Body }
	}
	keys := keysOf(field)
	if len(keys) != 1 {
		return nil
	}
	return func(r *record.Record) attribute.Value {
		v, _ := r.Attr(attribute.Key(keys[0]))
		return v
	}
}

// appendLines appends s with its line feeds and tabs; what else is not to be
// shown raw is escaped as in the text format.
func (t *texts) appendLines(dst []byte, s string) []byte {
	for s = t.clip(s); ; {
		i := strings.IndexAny(s, "\n\t")
		if i < 0 {
			return t.appendVisible(dst, s)
		}
		dst = t.appendVisible(dst, strings.TrimSuffix(s[:i], "\r"))
		dst = append(dst, s[i])
		s = s[i+1:]
	}
}

func (t *texts) appendVisible(dst []byte, s string) []byte {
	if s == "" {
		return dst
	}
	r := record.Record{Body: attribute.StringValue(s)}
	dst = t.line.Append(dst, &r)
	return dst[:len(dst)-1] // the line feed
}

// clip saves the work on what will be cut anyway.
func (t *texts) clip(s string) string {
	if most := (t.max + 1) * utf8.UTFMax; t.max > 0 && len(s) > most {
		return s[:most]
	}
	return s
}
