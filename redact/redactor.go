package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/seed2f724858/sluice/record"
)

// Redactor finds secrets and puts something else in their place. It does not
// change once it is made: all methods are safe for concurrent use.
type Redactor struct {
	on          preset
	stop        [256]uint8 // the bytes at which the scan of a text stops, and why
	keys        []string   // globs in lower case
	patterns    []pattern
	replacement string
	hashKey     []byte // nil in mode replace

	origins   memo[record.Origin]
	resources memo[record.Resource]
}

// New returns a Redactor, or an error that names every setting that cannot
// work.
func New(cfg Config) (*Redactor, error) {
	d, err := cfg.compile()
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	return d, nil
}

var defaultRedactor = sync.OnceValue(func() *Redactor {
	d, _ := DefaultConfig().compile() // a test holds that it is valid
	return d
})

// Default returns the Redactor of [DefaultConfig], the same one every time.
func Default() *Redactor { return defaultRedactor() }

// String returns s with every secret in it replaced, and whether there was one.
// What is redacted already stays as it is. Without a secret nothing is
// allocated (by the presets; expressions may).
func (d *Redactor) String(s string) (string, bool) {
	found := false
	for i := range d.patterns {
		var ok bool
		s, ok = d.pattern(s, &d.patterns[i])
		found = found || ok
	}
	out, ok := d.scan(s)
	return out, found || ok
}

// An expression may read far beyond each match, up to the end of the text, and
// so do with every one of them. maxMatches and matchWork (matches times bytes of
// the text) bound that: time stays linear in the length.
const (
	maxMatches = 64
	matchWork  = 8 << 20
)

// pattern replaces what p matches, and all that stands behind as many matches
// as there is time for: that may hold further ones.
func (d *Redactor) pattern(s string, p *pattern) (string, bool) {
	if !p.MatchString(s) {
		return s, false
	}
	var out []byte
	done, found := 0, false
	most := max(maxMatches, matchWork/len(s))
	matches := p.FindAllStringSubmatchIndex(s, most)
	rest := len(s) // what stands from here on was not looked at
	if len(matches) == most {
		rest = matches[most-1][1]
		for rest < len(s) && d.inMark(s, rest-1, rest+1) {
			rest++
		}
	}
	for _, m := range matches {
		from, to := m[2*p.group], m[2*p.group+1]
		if from < 0 {
			from, to = m[0], m[1] // the group had no part in this match
		}
		if from == to || d.inMark(s, from, to) {
			continue
		}
		out = append(out, s[done:from]...)
		out = d.appendMark(out, s[from:to])
		done, found = to, true
	}
	if rest < len(s) && !d.isMark(s[rest:]) {
		out = append(out, s[done:rest]...)
		return string(d.appendMark(out, s[rest:])), true
	}
	if !found {
		return s, false
	}
	return string(append(out, s[done:]...)), true
}

const (
	hashHead = "[HMAC:"
	hashLen  = len(hashHead) + 16 + len("]")
)

// mark returns what stands in for a secret.
func (d *Redactor) mark(secret string) string {
	if d.hashKey == nil {
		return d.replacement
	}
	return string(d.appendMark(nil, secret))
}

func (d *Redactor) appendMark(dst []byte, secret string) []byte {
	if d.hashKey == nil {
		return append(dst, d.replacement...)
	}
	h := hmac.New(sha256.New, d.hashKey)
	_, _ = h.Write([]byte(secret))
	dst = append(dst, hashHead...)
	dst = hex.AppendEncode(dst, h.Sum(nil)[:8])
	return append(dst, ']')
}

// markLen returns the length of the mark that s begins with, 0 if there is
// none. What the other mode, or a default elsewhere, writes is one as well.
func (d *Redactor) markLen(s string) int {
	switch {
	case d.replacement != "" && strings.HasPrefix(s, d.replacement):
		return len(d.replacement)
	case strings.HasPrefix(s, DefaultReplacement):
		return len(DefaultReplacement)
	case strings.HasPrefix(s, hashHead) && len(s) >= hashLen && s[hashLen-1] == ']' &&
		run(s[:hashLen-1], len(hashHead), hexDigit) == hashLen-1:
		return hashLen
	}
	return 0
}

func (d *Redactor) isMark(s string) bool { return s != "" && d.markLen(s) == len(s) }

// inMark reports whether s[from:to] lies within a mark.
func (d *Redactor) inMark(s string, from, to int) bool {
	for i := from; i >= 0 && from-i < max(hashLen, maxReplacement); i-- {
		if n := d.markLen(s[i:]); n > 0 && i+n >= to {
			return true
		}
	}
	return false
}
