package config

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/processors"
)

// attributes sets and deletes attributes of records.
type attributes struct {
	processors.AttributesConfig `yaml:",inline"`
	Set                         map[string]attributeSource `yaml:"set"`
}

func newAttributes(d *decoder, n *node) processorConfig {
	c := &attributes{AttributesConfig: processors.DefaultAttributesConfig()}
	d.steps = append(d.steps, stepName{&c.Name, "attributes", n})
	return c
}

func (c *attributes) config() processors.AttributesConfig {
	cfg := c.AttributesConfig
	cfg.Set = make(map[string]processors.AttributeSource, len(c.Set))
	for key, source := range c.Set {
		cfg.Set[key] = source.AttributeSource
	}
	return cfg
}

// Validate is the settings' own.
func (c *attributes) Validate() error { return c.config().Validate() }

func (c *attributes) build(*starter) (processors.Processor, error) {
	a, err := processors.NewAttributes(c.config())
	if err != nil {
		return nil, err
	}
	return a, nil
}

// attributeSource is a value, a list of values of one kind, or where the value
// is: {env: NAME}, {resource: KEY}, {attribute: KEY}.
type attributeSource struct{ processors.AttributeSource }

func (a *attributeSource) decodeNode(d *decoder, n *node) {
	switch n.kind {
	case nullKind:
		hint := "an attribute is removed by its key under delete"
		if strings.Contains(n.source, "${") {
			hint = n.source + " is not set: {env: NAME} leaves the attribute as it is then"
		}
		d.fail(n, "the value is missing", hint)
	case boolKind:
		a.Value = attribute.BoolValue(decodeAs[bool](d, n))
	case intKind:
		a.Value = attribute.Int64Value(decodeAs[int64](d, n))
	case floatKind:
		a.Value = attribute.Float64Value(decodeAs[float64](d, n))
	case stringKind:
		a.Value = attribute.StringValue(decodeAs[string](d, n))
	case listKind:
		a.Value = listValue(d, n)
	case mapKind:
		var from struct {
			Env       string `yaml:"env"`
			Resource  string `yaml:"resource"`
			Attribute string `yaml:"attribute"`
		}
		before := len(d.errs)
		d.into(n, &from)
		if len(n.entries) != 1 && len(d.errs) == before {
			d.fail(n, fmt.Sprintf("want one of env, resource and attribute, have %d keys", len(n.entries)), "such as {env: HOSTNAME}")
		}
		a.Env, a.Resource, a.Attribute = from.Env, from.Resource, from.Attribute
	}
}

// listValue returns a list whose items are of the first one's kind. Whole
// numbers are numbers too.
func listValue(d *decoder, n *node) attribute.Value {
	kind := stringKind
	for i, item := range n.items {
		if i == 0 || kind == intKind && item.kind == floatKind {
			kind = item.kind
		}
	}
	switch kind {
	case boolKind:
		return attribute.BoolSliceValue(decodeAs[[]bool](d, n))
	case intKind:
		return attribute.Int64SliceValue(decodeAs[[]int64](d, n))
	case floatKind:
		return attribute.Float64SliceValue(decodeAs[[]float64](d, n))
	}
	return attribute.StringSliceValue(decodeAs[[]string](d, n))
}
