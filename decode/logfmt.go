package decode

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// logfmt reads key=value pairs into r. It is false if s does not consist of
// them, or, where the format is not given, if s has only one or none that tells
// a level, a message or a time; r is then spoilt.
func (d *Decoder) logfmt(r *record.Record, s string) (logger string, ok bool) {
	raw := d.raw[:0]
	known := d.format == formatLogfmt
	for i := 0; ; {
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i == len(s) {
			break
		}
		key, text, n, ok := pair(s[i:])
		if !ok {
			d.raw = raw
			clear(d.raw)
			return "", false
		}
		i += n
		switch f, _ := fieldOf(key); f {
		case fieldLevel, fieldBody, fieldTime:
			known = true
		}
		v := attribute.StringValue(text.s)
		if !text.quoted {
			v = bareValue(text.s)
		}
		r.Attributes = append(r.Attributes, attribute.KeyValue{Key: attribute.Key(key), Value: v})
		raw = append(raw, text.s)
	}
	d.raw = raw
	ok = known && len(raw) > 0 && (d.format == formatLogfmt || len(raw) > 1)
	if ok {
		r.Attributes, raw = lastOfEach(r.Attributes, raw)
		logger = d.extract(r, raw)
	}
	clear(d.raw)
	return logger, ok
}

// word is the right side of a pair.
type word struct {
	s      string
	quoted bool
}

// pair reads one key=value at the start of s and returns its length.
func pair(s string) (key string, value word, n int, ok bool) {
	for n < len(s) && s[n] != '=' {
		if s[n] <= ' ' || s[n] == '"' {
			return "", value, 0, false
		}
		n++
	}
	if n == 0 || n == len(s) {
		return "", value, 0, false
	}
	key = s[:n]
	n++
	if n < len(s) && s[n] == '"' {
		value.s, n, ok = quotedWord(s, n)
		value.quoted = true
		return key, value, n, ok && (n == len(s) || s[n] == ' ')
	}
	start := n
	for n < len(s) && s[n] != ' ' {
		if s[n] < ' ' || s[n] == '"' {
			return "", value, 0, false
		}
		n++
	}
	value.s = s[start:n]
	return key, value, n, true
}

// quotedWord reads the quoted string at s[i], with the escapes of JSON or, as
// slog writes them, of Go.
func quotedWord(s string, i int) (text string, end int, ok bool) {
	p := parser{s: s, pos: i}
	if text, ok = p.str(); ok {
		return text, p.pos, true
	}
	for end = i + 1; end < len(s) && s[end] != '"'; end++ {
		if s[end] == '\\' {
			end++
		}
	}
	if end >= len(s) {
		return "", 0, false
	}
	end++
	text, err := strconv.Unquote(s[i:end])
	return text, end, err == nil
}

// bareValue returns the value of a word without quotes: a number, boolean or
// null where writing that gives the same word again, so that 007 and 1.10 stay
// what they are.
func bareValue(s string) attribute.Value {
	switch s {
	case "":
		return attribute.StringValue(s)
	case "true", "false":
		return attribute.BoolValue(s == "true")
	case "null":
		return attribute.Value{}
	case "NaN", "Infinity", "-Infinity":
		f, _ := strconv.ParseFloat(s, 64)
		return attribute.Float64Value(f)
	}
	unsigned := strings.TrimPrefix(s, "-")
	if strings.Trim(unsigned, "0123456789.e+-") != "" || unsigned == "" {
		return attribute.StringValue(s)
	}
	var buf [32]byte
	if strings.ContainsAny(unsigned, ".e+-") {
		// Errors of package strconv allocate, so parse only what is likely to
		// be the kind.
		if f, err := strconv.ParseFloat(s, 64); err == nil && string(encode.AppendFloat(buf[:0], f)) == s {
			return attribute.Float64Value(f)
		}
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if string(strconv.AppendInt(buf[:0], n, 10)) == s {
			return attribute.Int64Value(n)
		}
	}
	return attribute.StringValue(s)
}
