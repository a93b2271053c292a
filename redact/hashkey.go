package redact

import (
	"fmt"
	"strconv"
)

// HashKey is the key of mode hash. It never shows itself: every way of
// printing or marshalling it gives "[REDACTED]".
type HashKey string

// String hides the key.
func (k HashKey) String() string {
	if k == "" {
		return ""
	}
	return DefaultReplacement
}

// GoString hides the key from %#v.
func (k HashKey) GoString() string { return strconv.Quote(k.String()) }

// Format hides the key from every verb of package fmt.
func (k HashKey) Format(f fmt.State, verb rune) {
	text := k.String()
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		text = k.GoString()
	}
	_, _ = f.Write([]byte(text))
}

// MarshalText hides the key, from JSON and YAML too.
func (k HashKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText takes the key as it stands.
func (k *HashKey) UnmarshalText(text []byte) error {
	*k = HashKey(text)
	return nil
}
