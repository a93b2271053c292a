package decode

import (
	"strings"

	"github.com/seed2f724858/sluice/record"
)

// maxOrigins bounds the resources and scopes that a decoder remembers, and
// maxOriginText the bytes of the text by which it does: both come from input.
const (
	maxOrigins    = 256
	maxOriginText = 16 << 10
)

// origins finds the record.Origin of a resource and scope seen before, by
// their JSON text, so that encoders can group the records of several lines.
type origins struct {
	resources map[resourceKey]*record.Resource
	scopes    map[scopeKey]*record.Origin
}

type resourceKey struct{ text, schemaURL string }

type scopeKey struct {
	resource        *record.Resource
	text, schemaURL string
}

// remember enters what a key stands for, unless the key's text, of that many
// bytes, is too long to be kept.
func remember[K comparable, V any](known *map[K]V, key K, v V, bytes int) {
	if bytes > maxOriginText {
		return
	}
	if *known == nil || len(*known) >= maxOrigins {
		*known = make(map[K]V)
	}
	(*known)[key] = v
}

// resource returns the resource of a ResourceLogs, nil if it tells nothing
// about one.
func (p *otlpParser) resource(text, schemaURL string) (*record.Resource, bool) {
	if text == "" && schemaURL == "" {
		return nil, true
	}
	key := resourceKey{text, schemaURL}
	if res, ok := p.origins.resources[key]; ok {
		return res, true
	}
	// What is remembered must not keep the whole line in memory.
	key = resourceKey{strings.Clone(text), strings.Clone(schemaURL)}
	var res record.Resource
	ok := p.within(key.schemaURL, func() (ok bool) {
		res.SchemaURL, ok = p.str()
		return ok
	}) && p.within(key.text, func() bool {
		return p.message(func(key string) (ok bool) {
			if key == "attributes" {
				res.Attributes, ok = p.keyValues(1)
				return ok
			}
			_, ok = p.skip()
			return ok
		})
	})
	if !ok {
		return nil, false
	}
	remember(&p.origins.resources, key, &res, len(text)+len(schemaURL))
	return &res, true
}

// origin returns the origin of a ScopeLogs, nil if neither it nor its
// ResourceLogs tells anything about one.
func (p *otlpParser) origin(res *record.Resource, text, schemaURL string) (*record.Origin, bool) {
	if res == nil && text == "" && schemaURL == "" {
		return nil, true
	}
	key := scopeKey{res, text, schemaURL}
	if o, ok := p.origins.scopes[key]; ok {
		return o, true
	}
	key = scopeKey{res, strings.Clone(text), strings.Clone(schemaURL)}
	o := record.Origin{Resource: res}
	ok := p.within(key.schemaURL, func() (ok bool) {
		o.Scope.SchemaURL, ok = p.str()
		return ok
	}) && p.within(key.text, func() bool {
		return p.message(func(key string) (ok bool) {
			switch key {
			case "name":
				o.Scope.Name, ok = p.str()
			case "version":
				o.Scope.Version, ok = p.str()
			case "attributes":
				o.Scope.Attributes, ok = p.keyValues(1)
			default:
				_, ok = p.skip()
			}
			return ok
		})
	})
	if !ok {
		return nil, false
	}
	remember(&p.origins.scopes, key, &o, len(text)+len(schemaURL))
	return &o, true
}
