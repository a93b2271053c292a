package decode

import (
	"errors"
	"fmt"
)

// wireType says how a field's value is laid out
// (https://protobuf.dev/programming-guides/encoding/). The types 3 and 4,
// groups, have no place in OTLP.
type wireType uint8

const (
	wireVarint  wireType = 0
	wireFixed64 wireType = 1
	wireBytes   wireType = 2
	wireFixed32 wireType = 5
)

// maxFieldNumber is protobuf's limit.
const maxFieldNumber = 1<<29 - 1

var (
	errTruncated = errors.New("the message ends within it")
	errVarint    = errors.New("a varint is longer than 64 bits")
)

// wire walks over the fields of one protobuf message. It allocates nothing
// except an error. Declared in a for clause it would be copied in each turn.
type wire[T string | []byte] struct {
	s   T
	pos int // Of what is behind the current field.

	start int // Of the current field.
	num   int
	typ   wireType
	n     uint64 // The value of a varint, fixed64 or fixed32.
	data  T      // The value of bytes, a part of s.

	err error
}

// next reads one field. It is false at the end of the message and, with err
// set, at what is no field; num is then the number as far as known, else 0.
func (w *wire[T]) next() bool {
	w.start, w.num = w.pos, 0
	if w.pos == len(w.s) {
		return false
	}
	tag, ok := w.short()
	if !ok {
		if tag = w.varint(); w.err != nil {
			return false
		}
	}
	if tag>>3 == 0 || tag>>3 > maxFieldNumber {
		return w.fail(fmt.Errorf("%d is no field number", tag>>3))
	}
	w.num, w.typ = int(tag>>3), wireType(tag&7)
	switch w.typ {
	case wireBytes:
		n, ok := w.short()
		if !ok {
			if n = w.varint(); w.err != nil {
				return false
			}
		}
		if left := len(w.s) - w.pos; n > uint64(left) {
			return w.fail(fmt.Errorf("%d bytes long where %d are left: %w", n, left, errTruncated))
		}
		end := w.pos + int(n)
		w.data, w.pos = w.s[w.pos:end], end
		return true
	case wireVarint:
		w.n = w.varint()
	case wireFixed64:
		w.n = w.fixed64()
	case wireFixed32:
		w.n = w.fixed32()
	default:
		return w.fail(fmt.Errorf("wire type %d is none of OTLP", w.typ))
	}
	return w.err == nil
}

func (w *wire[T]) fail(err error) bool {
	w.err = err
	return false
}

// short reads a varint of one byte, as most are. It is small enough to be
// inlined.
func (w *wire[T]) short() (n uint64, ok bool) {
	if w.pos == len(w.s) || w.s[w.pos] >= 0x80 {
		return 0, false
	}
	w.pos++
	return uint64(w.s[w.pos-1]), true
}

func (w *wire[T]) varint() (n uint64) {
	for shift := 0; ; shift += 7 {
		if w.pos == len(w.s) {
			w.err = errTruncated
			return 0
		}
		c := w.s[w.pos]
		w.pos++
		if shift == 63 && c > 1 {
			w.err = errVarint
			return 0
		}
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
}

func (w *wire[T]) fixed64() uint64 {
	if len(w.s)-w.pos < 8 {
		w.err = errTruncated
		return 0
	}
	low := w.fixed32()
	return low | w.fixed32()<<32
}

func (w *wire[T]) fixed32() uint64 {
	if len(w.s)-w.pos < 4 {
		w.err = errTruncated
		return 0
	}
	b := w.s[w.pos : w.pos+4]
	w.pos += 4
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
}
