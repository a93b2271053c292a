package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*Attributes)(nil)

// AttributesConfig configures an [Attributes].
type AttributesConfig struct {
	// Name is what statistics call the step; empty means "attributes".
	Name string `yaml:"name"`
	// Set maps keys to the values that they get, instead of those that they
	// may have.
	Set map[string]AttributeSource `yaml:"-"`
	// Delete lists keys and globs on keys.
	Delete []string `yaml:"delete"`
	// Func, if given, changes the attributes after that. It may be called
	// concurrently and must not keep r; levels know nothing of what else it
	// changes (see [SeverityConfig]). If it panics, the record is dropped.
	Func func(ctx context.Context, r *record.Record) `yaml:"-"`
}

// AttributeSource says what value an attribute gets. One of its fields is
// given.
type AttributeSource struct {
	// Value is the value itself.
	Value attribute.Value
	// Env names the environment variable whose value, when the step is made,
	// is the attribute's. If it is not set, or empty, the attribute is left as
	// it is.
	Env string
	// Resource is the key of an attribute of the record's resource, Attribute
	// that of another attribute of the record. If there is none, the attribute
	// is left as it is.
	Resource, Attribute string
}

// maxSet bounds the attributes that one step adds to those that the pipeline's
// limits let pass: as many as they are by default.
const maxSet = 128

// DefaultAttributesConfig returns the defaults: there are none.
func DefaultAttributesConfig() AttributesConfig { return AttributesConfig{} }

// Validate reports every setting that cannot work.
func (c AttributesConfig) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, key := range slices.Sorted(maps.Keys(c.Set)) {
		if key == "" {
			bad("set: a key is empty")
		}
		if n := c.Set[key].given(); n != 1 {
			bad("set: %q has %d sources: want a value, env, resource or attribute", key, n)
		}
	}
	if len(c.Set) > maxSet {
		bad("set: has %d keys: want at most %d", len(c.Set), maxSet)
	}
	for i, pattern := range c.Delete {
		if pattern == "" {
			bad("delete[%d]: the pattern is empty", i)
		}
	}
	if len(c.Set) == 0 && len(c.Delete) == 0 && c.Func == nil {
		errs = append(errs, errors.New("nothing is changed: give it set or delete"))
	}
	return errors.Join(errs...)
}

func (s AttributeSource) given() (n int) {
	for _, given := range []bool{s.Value.Type() != attribute.EMPTY, s.Env != "", s.Resource != "", s.Attribute != ""} {
		if given {
			n++
		}
	}
	return n
}

// Attributes sets and deletes attributes of records. Values come from the
// record as it arrives; then Delete is done, then Set: a key of both is set,
// and an attribute is renamed by setting the new one from the old one and
// deleting that. What is set stands last, in the order of the keys. The
// pipeline's limit on the number of attributes does not count it.
type Attributes struct {
	name   string
	set    []assignment
	delete []string
	change func(context.Context, *record.Record)
	code   foreign // change

	changed atomic.Uint64
}

// assignment is an attribute with its value, or with the key that the value
// has in the resource or the record.
type assignment struct {
	attribute.KeyValue
	resource, attribute attribute.Key
}

// NewAttributes returns an Attributes.
func NewAttributes(cfg AttributesConfig) (*Attributes, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("attributes: %w", err)
	}
	a := &Attributes{name: cfg.Name, delete: slices.Clone(cfg.Delete), change: cfg.Func}
	if a.name == "" {
		a.name = "attributes"
	}
	a.code.name = "the Func of " + a.name
	for _, key := range slices.Sorted(maps.Keys(cfg.Set)) {
		from := cfg.Set[key]
		if from.Env != "" {
			value := os.Getenv(from.Env)
			if value == "" {
				continue
			}
			from.Value = attribute.StringValue(value)
		}
		a.set = append(a.set, assignment{
			attribute.KeyValue{Key: attribute.Key(key), Value: from.Value},
			attribute.Key(from.Resource), attribute.Key(from.Attribute),
		})
	}
	return a, nil
}

func (a *Attributes) readsOnly() bool { return false }

// Enabled implements [Processor]: every record passes.
func (a *Attributes) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

// OnEmit changes r's attributes and hands it on.
func (a *Attributes) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	if a.apply(r) {
		a.changed.Add(1)
	}
	if a.change != nil {
		if err := a.code.call(func() { a.change(ctx, r) }); err != nil {
			return err
		}
		dedupAttributes(r)
	}
	return next(ctx, r)
}

// apply puts the new attributes behind the old ones, whose values they may
// have, before it removes any of those.
func (a *Attributes) apply(r *record.Record) (changed bool) {
	n := len(r.Attributes)
	all := r.Attributes
	for i := range a.set {
		if kv, ok := a.set[i].of(r); ok {
			all = append(all, kv)
		}
	}
	set := all[n:]
	kept := all[:0]
	for _, kv := range all[:n] {
		if !hasKey(set, kv.Key) && !a.deletes(kv.Key) {
			kept = append(kept, kv)
		}
	}
	changed = len(set) > 0 || len(kept) < n
	kept = append(kept, set...)
	clear(all[len(kept):])
	r.Attributes = kept
	return changed
}

func hasKey(kvs []attribute.KeyValue, key attribute.Key) bool {
	for i := range kvs {
		if kvs[i].Key == key {
			return true
		}
	}
	return false
}

func (s *assignment) of(r *record.Record) (kv attribute.KeyValue, ok bool) {
	kv = s.KeyValue
	switch {
	case s.attribute != "":
		kv.Value, ok = r.Attr(s.attribute)
		return kv, ok
	case s.resource != "":
		for _, have := range r.ResourceAttributes() {
			if have.Key == s.resource {
				kv.Value = have.Value
				return kv, true
			}
		}
		return kv, false
	}
	return kv, true
}

func (a *Attributes) deletes(key attribute.Key) bool {
	for _, pattern := range a.delete {
		if glob(pattern, string(key)) {
			return true
		}
	}
	return false
}

// ForceFlush does nothing: the step holds no records.
func (a *Attributes) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (a *Attributes) Shutdown(context.Context) error { return nil }

// Books implements [Counted].
func (a *Attributes) Books() StepStats {
	st := StepStats{Name: a.name, Changed: a.changed.Load()}
	a.code.count(&st)
	return st
}
