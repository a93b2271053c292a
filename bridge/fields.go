package bridge

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is one member of a struct's JSON form.
type field struct {
	name      string
	index     []int
	rank      int // the lower of two fields of one name wins
	omitEmpty bool
	omitZero  bool
}

// fieldPlans caches fieldsOf: reflect.Type → []field. Types are as many as the
// program has.
var fieldPlans sync.Map

// fieldsOf returns the fields that encoding/json would write, with embedded
// structs' fields promoted by its rules.
func fieldsOf(t reflect.Type) []field {
	if plan, ok := fieldPlans.Load(t); ok {
		return plan.([]field)
	}
	plan := dominant(collectFields(nil, t, nil, nil))
	fieldPlans.Store(t, plan)
	return plan
}

func collectFields(all []field, t reflect.Type, prefix []int, above []reflect.Type) []field {
	if slices.Contains(above, t) {
		return all
	}
	above = append(slices.Clip(above), t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name, opts, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		index := append(slices.Clip(prefix), i)
		embedded := sf.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		// An embedded struct may be unexported and yet have exported fields.
		carrier := sf.Anonymous && embedded.Kind() == reflect.Struct
		if carrier && name == "" {
			all = collectFields(all, embedded, index, above)
			continue
		}
		if !carrier && !sf.IsExported() {
			continue
		}
		f := field{name: name, index: index, rank: 2 * len(index)}
		if name == "" {
			f.name = sf.Name
			f.rank++ // at one depth a tag goes first
		}
		for opt := range strings.SplitSeq(opts, ",") {
			f.omitEmpty = f.omitEmpty || opt == "omitempty"
			f.omitZero = f.omitZero || opt == "omitzero"
		}
		all = append(all, f)
	}
	return all
}

// dominant settles names that stand twice: the least nested field wins, then
// the tagged one; where that does not decide, none.
func dominant(all []field) []field {
	slices.SortStableFunc(all, func(a, b field) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.rank, b.rank))
	})
	var out []field
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].name == all[i].name {
			n++
		}
		if n == i+1 || all[i].rank != all[i+1].rank {
			out = append(out, all[i])
		}
		i = n
	}
	return out
}

// of returns the field's value in a struct, and false when it is omitted or
// stands behind a nil embedded pointer.
func (f *field) of(rv reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if rv.Kind() == reflect.Pointer {
			if rv.IsNil() {
				return reflect.Value{}, false
			}
			rv = rv.Elem()
		}
		rv = rv.Field(i)
	}
	if f.omitEmpty && empty(rv) || f.omitZero && rv.IsZero() {
		return reflect.Value{}, false
	}
	return rv, true
}

func empty(rv reflect.Value) bool {
	switch rv.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return rv.Len() == 0
	case reflect.Struct:
		return false
	}
	return rv.IsZero()
}
