package socket

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// framing tells messages of a stream apart.
type framing int

const (
	unframed framing = iota // a datagram
	newline
	lengthPrefix
)

// prefixSize is the length in front of a message, big-endian as Python's
// struct.pack(">L", …) has it.
const prefixSize = 4

// format turns records into frames.
type format struct {
	enc encode.Encoder
	// group makes one message of several records, where the format has that
	// and messages are not datagrams.
	group   groupEncoder
	framing framing
	limit   int // bytes of a message
}

// groupEncoder is the part of [encode.OTLPJSON] that splits by bytes.
type groupEncoder interface {
	AppendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int)
}

func newFormat(c Config, ep endpoint, enc encode.Encoder) format {
	f := format{enc: enc, limit: c.limit(ep)}
	switch {
	case ep.datagram():
		return f
	case c.Framing == "length":
		f.framing = lengthPrefix
	default:
		f.framing = newline
	}
	f.group, _ = enc.(groupEncoder)
	return f
}

// frames are encoded messages, one behind the other.
type frames struct {
	buf     []byte
	units   []unit
	records int
}

// unit is the smallest part that is written or not: a frame.
type unit struct {
	end     int // offset in the buffer
	records int // up to here
}

// recordsWithin returns how many records end within the first n bytes.
func (f *frames) recordsWithin(n int) int {
	if k := sort.Search(len(f.units), func(i int) bool { return f.units[i].end > n }); k > 0 {
		return f.units[k-1].records
	}
	return 0
}

// release gives memory back that a large record needed.
func (f *frames) release() {
	if cap(f.buf) > maxBuffer {
		*f = frames{}
	}
}

// fill makes out hold frames of the first of recs, at least one, and stops
// with the one that fills the buffer. The error is that of recs[0].
func (f *format) fill(out *frames, recs []record.Record) error {
	out.buf, out.units, out.records = out.buf[:0], out.units[:0], 0
	for len(recs) > 0 && len(out.buf) < fullBuffer {
		buf, n := f.appendFrame(out.buf, recs)
		if n == 0 {
			if out.records > 0 {
				return nil
			}
			return exporters.Poison(fmt.Errorf("no cut makes the record fit into %d bytes", f.limit))
		}
		out.buf, recs = buf, recs[n:]
		out.records += n
		out.units = append(out.units, unit{len(buf), out.records})
	}
	return nil
}

// appendFrame appends one frame and returns how many of the first of recs are
// in it, 0 if not even a part of the first one fits.
func (f *format) appendFrame(dst []byte, recs []record.Record) ([]byte, int) {
	if f.framing == lengthPrefix {
		dst = append(dst, make([]byte, prefixSize)...)
	}
	start, n := len(dst), 0
	if f.group != nil {
		dst, n = f.group.AppendUpTo(dst, recs, min(f.limit, fullBuffer))
	}
	if n == 0 {
		dst, n = f.appendOne(dst, &recs[0]), 1
		if size := len(dst) - start; size > f.limit {
			s := shortener{enc: f.appendOne, limit: f.limit, size: size, whole: &recs[0]}
			var ok bool
			if dst, ok = s.append(dst[:start]); !ok {
				return dst, 0
			}
		}
	}
	switch f.framing {
	case newline:
		dst = append(dst, '\n')
	case lengthPrefix:
		binary.BigEndian.PutUint32(dst[start-prefixSize:], uint32(min(len(dst)-start, math.MaxUint32)))
	}
	return dst, n
}

// appendOne appends a message without the line feed that ends it.
func (f *format) appendOne(dst []byte, r *record.Record) []byte {
	dst = f.enc.Append(dst, r)
	return dst[:len(dst)-1]
}
