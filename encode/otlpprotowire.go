package encode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Wire types of protobuf (https://protobuf.dev/programming-guides/encoding/#structure).
// A tag is a field's number and one of these; the fields of OTLP used here have
// numbers below 16, so each tag is one byte.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireLen     = 2
	wireFixed32 = 5
)

func appendVarint(dst []byte, n uint64) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return binary.AppendUvarint(dst, n)
}

func varintLen(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

// Usual widths of lengths: groups of a batch have 16 KiB to 2 MiB, records 128
// bytes to 16 KiB.
const (
	groupWidth  = 3
	recordWidth = 2
	smallWidth  = 1
)

// maxFree is the most bytes that openMessage leaves free: enough for 2 MiB.
const maxFree = 3

// openMessage appends the tag of a message whose length is not known yet and
// leaves width bytes for it. The content follows at the slice's end.
func openMessage(dst []byte, tag byte, width int) []byte {
	// A constant number of bytes costs no call.
	return append(dst, tag, 0, 0, 0)[:len(dst)+1+width]
}

// closeMessage puts in the length of the message whose content starts at start.
// If that takes more or less than width bytes the content is moved, so that no
// length is longer than it has to be; a good guess of width saves time only.
func closeMessage(dst []byte, start, width int) []byte {
	n := len(dst) - start
	if width == 1 && n < 0x80 {
		dst[start-1] = byte(n)
		return dst
	}
	if by := varintLen(n) - width; by != 0 {
		dst = append(dst, make([]byte, max(by, 0))...)
		copy(dst[start+by:], dst[start:start+n])
		dst = dst[:start+by+n]
	}
	binary.PutUvarint(dst[start-width:], uint64(n))
	return dst
}

// contentRoom returns how long a message's content may be for the message with
// tag and length to take at most room bytes. It is negative if none fits.
func contentRoom(room int) int {
	for width := 1; ; width++ {
		if n := room - 1 - width; n < 0 || varintLen(n) <= width {
			return n
		}
	}
}

// appendStringField appends a string field; nothing for its default, "".
func appendStringField(dst []byte, tag byte, s string) []byte {
	if s == "" {
		return dst
	}
	n := textLen(s)
	dst = appendVarint(append(dst, tag), uint64(n))
	return appendUTF8(dst, s, n)
}

// textLen returns the length of s with each byte that is not UTF-8 replaced by
// U+FFFD: parsers refuse a whole message for one such byte in a string
// (https://protobuf.dev/programming-guides/proto3/#scalar).
func textLen(s string) int {
	if utf8.ValidString(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += utf8.RuneLen(r)
	}
	return n
}

// appendUTF8 appends s, whose textLen is n.
func appendUTF8(dst []byte, s string, n int) []byte {
	if n == len(s) {
		return append(dst, s...)
	}
	for _, r := range s {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
