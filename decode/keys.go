package decode

import "go.opentelemetry.io/otel/attribute"

// fewKeys is up to where comparing each key with each is quicker than a map.
const fewKeys = 24

// lastOfEach keeps the last attribute of those with equal keys, in place, and
// the text in raw that goes with it; raw may be nil.
func lastOfEach(kvs []attribute.KeyValue, raw []string) ([]attribute.KeyValue, []string) {
	var last map[attribute.Key]int
	if len(kvs) > fewKeys {
		last = make(map[attribute.Key]int, len(kvs))
		for i := range kvs {
			last[kvs[i].Key] = i
		}
	}
	n := 0
	for i := range kvs {
		if isShadowed(kvs, i, last) {
			continue
		}
		if n != i {
			kvs[n] = kvs[i]
			if raw != nil {
				raw[n] = raw[i]
			}
		}
		n++
	}
	clear(kvs[n:])
	if raw != nil {
		raw = raw[:n]
	}
	return kvs[:n], raw
}

func isShadowed(kvs []attribute.KeyValue, i int, last map[attribute.Key]int) bool {
	key := kvs[i].Key
	if last != nil {
		return last[key] != i
	}
	for j := i + 1; j < len(kvs); j++ {
		if kvs[j].Key == key {
			return true
		}
	}
	return false
}
