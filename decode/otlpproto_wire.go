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
// except an error.
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
	tag := w.varint()
	if w.err != nil {
		return false
	}
	if tag>>3 == 0 || tag>>3 > maxFieldNumber {
		return w.fail(fmt.Errorf("%d is no field number", tag>>3))
	}
	w.num, w.typ = int(tag>>3), wireType(tag&7)
	switch w.typ {
	case wireVarint:
		w.n = w.varint()
	case wireFixed64:
		w.n = w.fixed(8)
	case wireFixed32:
		w.n = w.fixed(4)
	case wireBytes:
		n := w.varint()
		if left := len(w.s) - w.pos; w.err == nil && n > uint64(left) {
			return w.fail(fmt.Errorf("%d bytes long where %d are left: %w", n, left, errTruncated))
		}
		if w.err == nil {
			end := w.pos + int(n)
			w.data, w.pos = w.s[w.pos:end], end
		}
	default:
		return w.fail(fmt.Errorf("wire type %d is none of OTLP", w.typ))
	}
	return w.err == nil
}

func (w *wire[T]) fail(err error) bool {
	w.err = err
	return false
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

// fixed reads a little-endian number of size bytes.
func (w *wire[T]) fixed(size int) (n uint64) {
	if len(w.s)-w.pos < size {
		w.err = errTruncated
		return 0
	}
	for i := range size {
		n |= uint64(w.s[w.pos+i]) << (8 * i)
	}
	w.pos += size
	return n
}
