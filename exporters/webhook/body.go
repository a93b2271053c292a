package webhook

import (
	"math"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// body makes the bodies of requests.
type body interface {
	// appendUpTo appends the body of a request with as many of the first of
	// recs as fit into limit bytes, but at least one, and returns how many
	// those are.
	appendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int)
}

func newBody(c Config) (body, error) {
	if c.Template != "" {
		return parseTemplate(c)
	}
	if c.Format == "otlp_json" {
		return otlpBody{encode.OTLPJSON()}, nil
	}
	enc, err := encode.New("json", encode.Options{Include: c.Include})
	if c.Format == "ndjson" {
		return linesBody{enc}, err
	}
	return arrayBody{enc}, err
}

// linesBody is NDJSON: an object a line.
type linesBody struct{ enc encode.Encoder }

func (b linesBody) appendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	start := len(dst)
	for i := range recs {
		end := len(dst)
		dst = b.enc.Append(dst, &recs[i])
		if i > 0 && len(dst)-start > limit {
			return dst[:end], i
		}
	}
	return dst, len(recs)
}

// arrayBody is a JSON array.
type arrayBody struct{ enc encode.Encoder }

func (b arrayBody) appendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	start, n := len(dst), 0
	dst = append(dst, '[')
	for n < len(recs) {
		end := len(dst)
		dst = b.enc.Append(dst, &recs[n])
		if n > 0 && len(dst)-start > limit {
			dst = dst[:end]
			break
		}
		dst[len(dst)-1] = ',' // was the line feed
		n++
	}
	dst[len(dst)-1] = ']'
	return dst, n
}

// otlpBody is a request of OTLP in JSON.
type otlpBody struct{ enc *encode.OTLPJSONEncoder }

func (b otlpBody) appendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	if dst, n := b.enc.AppendUpTo(dst, recs, limit); n > 0 {
		return dst, n
	}
	return b.enc.AppendUpTo(dst, recs[:1], math.MaxInt)
}

// appendUpTo implements body. How much a template makes of a record shows only
// when it is made: the record's size in memory is the first guess.
func (t *template) appendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	n := 1
	if t.many {
		for size := recs[0].Size(); n < len(recs); n++ {
			if size += recs[n].Size(); size > limit {
				break
			}
		}
	}
	for start := len(dst); ; n /= 2 {
		dst = t.append(dst[:start], recs[:n])
		if n == 1 || len(dst)-start <= limit {
			return dst, n
		}
	}
}
