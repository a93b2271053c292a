package redact

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mode is how a secret is replaced.
type Mode string

const (
	// Replace puts Config.Replacement in its place.
	Replace Mode = "replace"
	// Hash puts "[HMAC:" there, the first 8 bytes of the secret's HMAC-SHA-256
	// (RFC 2104) in hexadecimal, and "]": equal secrets can be told to be equal.
	Hash Mode = "hash"
)

// DefaultReplacement stands where a secret was.
const DefaultReplacement = "[REDACTED]"

const (
	minHashKey     = 16 // bytes; what is shorter can be guessed
	maxReplacement = 64 // bytes
	maxPattern     = 4096
	maxRules       = 256 // keys, and patterns
)

// Config says what is redacted and how.
type Config struct {
	// Keys are names whose values are secret, whatever these are: globs ("*"
	// for any run of characters, "?" for one byte). The case of ASCII letters
	// does not count, that of others does. A glob is held
	// against the key itself and, inside of maps, against the path too, whose
	// keys are joined by dots.
	Keys []string `yaml:"keys"`
	// Patterns are RE2 expressions for secrets in text. They are asked for 64
	// matches in a text, or as many as 8 MiB divided by its length if that is
	// more (2048 for 4 KiB); what stands behind the last of so many is
	// replaced as a whole. What the group named
	// "secret" matches is replaced, or the only group there is, or else the
	// whole match.
	Patterns []string `yaml:"patterns"`
	// Presets name kinds of secrets that are known; see the package's comment.
	Presets []string `yaml:"presets"`
	// Mode says how to replace.
	Mode Mode `yaml:"mode"`
	// HashKey is the key of mode hash, 16 bytes or more.
	HashKey HashKey `yaml:"hash_key"`
	// Replacement is what mode replace writes.
	Replacement string `yaml:"replacement"`
}

// DefaultConfig replaces what preset "secrets" finds by [DefaultReplacement].
func DefaultConfig() Config {
	return Config{Presets: []string{"secrets"}, Mode: Replace, Replacement: DefaultReplacement}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	_, err := c.compile()
	return err
}

func (c Config) compile() (*Redactor, error) {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	d := &Redactor{}

	if len(c.Presets)+len(c.Keys)+len(c.Patterns) == 0 {
		fail("presets, keys and patterns are empty, so nothing would be redacted: " +
			"if that is meant, switch redaction off (distribution: {sluice: {redact: false}})")
	}
	if len(c.Keys) > maxRules {
		fail("keys: %d of them: want at most %d", len(c.Keys), maxRules)
	}
	for i, key := range c.Keys {
		if key == "" {
			fail("keys[%d] is empty: write \"*\" for every key", i)
		} else if strings.TrimSpace(key) != key {
			fail("keys[%d]: %q begins or ends with a blank: no key would match", i, key)
		}
		d.keys = append(d.keys, string(appendLower(nil, key)))
	}
	if len(c.Patterns) > maxRules {
		fail("patterns: %d of them: want at most %d", len(c.Patterns), maxRules)
	}
	for i, expr := range c.Patterns {
		p, err := compilePattern(expr)
		if err != nil {
			fail("patterns[%d]: %w", i, err)
			continue
		}
		d.patterns = append(d.patterns, p)
	}
	for i, name := range c.Presets {
		p, err := parsePreset(name)
		if err != nil {
			fail("presets[%d]: %w", i, err)
		}
		d.on |= p
	}
	for p, bytes := range triggers {
		for i := range len(bytes) {
			if d.on&p != 0 {
				d.stop[bytes[i]] |= stopFinder
			}
		}
	}

	d.stop[DefaultReplacement[0]] |= stopMark // and hashHead's
	switch c.Mode {
	case Replace:
		if c.HashKey != "" {
			fail("hash_key is set, but mode is %q: want mode %q, or no hash_key", c.Mode, Hash)
		}
		if err := d.checkReplacement(c.Replacement); err != nil {
			errs = append(errs, err)
		} else {
			d.replacement = c.Replacement
			d.stop[c.Replacement[0]] |= stopMark
		}
	case Hash:
		d.hashKey = []byte(c.HashKey)
		if len(d.hashKey) < minHashKey {
			have := fmt.Sprintf("has %d bytes", len(d.hashKey))
			if len(d.hashKey) == 0 {
				have = "is missing"
			}
			fail("hash_key %s: mode %q wants %d random bytes or more", have, Hash, minHashKey)
		}
	default:
		fail("mode: unknown value %q: want one of %s, %s", c.Mode, Replace, Hash)
	}
	return d, errors.Join(errs...)
}

// checkReplacement refuses what could not stand in any text, or would be
// redacted itself the next time.
func (d *Redactor) checkReplacement(text string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("\"'`\\", r) }
	switch {
	case text == "":
		return errors.New("replacement is empty: a reader could not tell that something is missing")
	case len(text) > maxReplacement:
		return fmt.Errorf("replacement has %d bytes: want at most %d", len(text), maxReplacement)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, odd):
		return errors.New("replacement holds quotes, backslashes or characters that do not print: they would break the text around it")
	}
	if _, found := d.scan(text); found {
		return errors.New("replacement looks like a secret itself: want a plain text such as " + DefaultReplacement)
	}
	return nil
}

// pattern is a compiled expression and the group that it replaces.
type pattern struct {
	*regexp.Regexp
	group int
}

func compilePattern(expr string) (pattern, error) {
	if len(expr) > maxPattern {
		return pattern{}, fmt.Errorf("the expression has %d bytes: want at most %d", len(expr), maxPattern)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return pattern{}, err
	}
	if re.MatchString("") {
		return pattern{}, fmt.Errorf("%q matches an empty text, so it would match everywhere", expr)
	}
	group := max(re.SubexpIndex("secret"), 0)
	if group == 0 && re.NumSubexp() == 1 {
		group = 1
	}
	return pattern{re, group}, nil
}
