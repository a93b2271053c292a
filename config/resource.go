package config

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/seed2f724858/sluice/processors"
)

// resourceSettings is the schema's Resource.
type resourceSettings struct {
	Attributes []resourceAttribute `yaml:"attributes"`
	List       attributeList       `yaml:"attributes_list"`
	SchemaURL  string              `yaml:"schema_url"`
	Detection  detection           `yaml:"detection/development"`
}

// resourceAttribute is the schema's AttributeNameValue.
type resourceAttribute struct{ kv attribute.KeyValue }

func (a *resourceAttribute) decodeNode(d *decoder, n *node) {
	var s struct {
		Name  string    `yaml:"name,required"`
		Value valueNode `yaml:"value"`
		Type  string    `yaml:"type"`
	}
	s.Type = "string"
	before := len(d.errs)
	d.into(n, &s)
	if len(d.errs) > before {
		return
	}
	if s.Value.node == nil {
		d.fail(n, `the key "value" is missing`, "")
		return
	}
	if s.Value.kind == nullKind {
		return // the schema: "if null the entry is ignored"
	}
	key := attribute.Key(s.Name)
	switch s.Type {
	case "string":
		a.kv = key.String(decodeAs[string](d, s.Value.node))
	case "bool":
		a.kv = key.Bool(decodeAs[bool](d, s.Value.node))
	case "int":
		a.kv = key.Int64(decodeAs[int64](d, s.Value.node))
	case "double":
		a.kv = key.Float64(decodeAs[float64](d, s.Value.node))
	case "string_array":
		a.kv = key.StringSlice(decodeAs[[]string](d, s.Value.node))
	case "bool_array":
		a.kv = key.BoolSlice(decodeAs[[]bool](d, s.Value.node))
	case "int_array":
		a.kv = key.Int64Slice(decodeAs[[]int64](d, s.Value.node))
	case "double_array":
		a.kv = key.Float64Slice(decodeAs[[]float64](d, s.Value.node))
	default:
		types := []string{"string", "bool", "int", "double", "string_array", "bool_array", "int_array", "double_array"}
		d.fail(n.get("type"), "unknown attribute type", suggest(s.Type, types, "types"))
	}
}

// valueNode keeps a value whose type another key says.
type valueNode struct{ *node }

func (v *valueNode) decodeNode(_ *decoder, n *node) { v.node = n }

func decodeAs[T any](d *decoder, n *node) T {
	var v T
	d.into(n, &v)
	return v
}

// attributeList is a list in the form of OTEL_RESOURCE_ATTRIBUTES
// (https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable).
type attributeList []attribute.KeyValue

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *attributeList) UnmarshalText(text []byte) error {
	for pair := range strings.SplitSeq(string(text), ",") {
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !ok && strings.TrimSpace(pair) == "" {
			continue
		}
		if !ok || key == "" {
			return fmt.Errorf("%q is no attribute: want key=value, with commas between several", pair)
		}
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil {
			return fmt.Errorf("the value of %q is not percent-encoded: write %%25 for a percent sign itself", key)
		}
		*l = append(*l, attribute.String(key, decoded))
	}
	return nil
}

// detection is detection/development.
type detection struct {
	Attributes struct {
		Included []string `yaml:"included"`
		Excluded []string `yaml:"excluded"`
	} `yaml:"attributes"`
	Detectors []detector `yaml:"detectors"`
}

// detector is one of the schema's resource detectors.
type detector struct{ options []resource.Option }

func (v *detector) decodeNode(d *decoder, n *node) {
	detectors := []struct {
		name    string
		options []resource.Option
	}{
		{"container", []resource.Option{resource.WithContainer()}},
		{"host", []resource.Option{resource.WithHost(), resource.WithOS()}},
		{"process", []resource.Option{resource.WithProcess()}},
		{"service", []resource.Option{resource.WithService()}},
	}
	names := make([]string, len(detectors))
	for i := range detectors {
		names[i] = detectors[i].name
	}
	i, settings, _, ok := d.component(n, "detector", names)
	if !ok {
		return
	}
	d.into(settings, &struct{}{})
	v.options = detectors[i].options
}

// keeps reports whether a detected attribute is wanted.
func (v *detection) keeps(key string) bool {
	covered := func(patterns []string) bool {
		for _, p := range patterns {
			if processors.Glob(p, key) {
				return true
			}
		}
		return false
	}
	return (len(v.Attributes.Included) == 0 || covered(v.Attributes.Included)) && !covered(v.Attributes.Excluded)
}

// build returns the resource. The SDK's default comes first, with what
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; code, detectors,
// attributes_list and attributes go over it, in this order. A detector that
// fails is reported to OpenTelemetry's error handler and left out.
func (s *resourceSettings) build(ctx context.Context, code []attribute.KeyValue) *resource.Resource {
	base := resource.Default()
	schema := base.SchemaURL()
	attrs := append(base.Attributes(), code...)
	var opts []resource.Option
	for _, v := range s.Detection.Detectors {
		opts = append(opts, v.options...)
	}
	if len(opts) > 0 {
		detected, err := resource.New(ctx, opts...)
		if err != nil {
			otel.Handle(fmt.Errorf("config: resource: %w", err))
		}
		for _, kv := range detected.Attributes() {
			if s.Detection.keeps(string(kv.Key)) {
				attrs = append(attrs, kv)
			}
		}
	}
	attrs = append(attrs, s.List...)
	for _, a := range s.Attributes {
		if a.kv.Key != "" {
			attrs = append(attrs, a.kv)
		}
	}
	if s.SchemaURL != "" {
		schema = s.SchemaURL
	}
	return resource.NewWithAttributes(schema, attrs...)
}
