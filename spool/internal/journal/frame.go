package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

const (
	frameHeaderSize = 32
	frameMagic      = 0xF7A5

	typeRecord = 1
	typeOrigin = 2

	// flagOwnUID says that the record has a log.record.uid of its own.
	flagOwnUID = 1

	// MaxPayload is the size of the largest record, in bytes, MaxOrigin that of
	// the largest origin.
	MaxPayload = 64 << 20
	MaxOrigin  = 1 << 20

	// maxSeq is above every sequence number: at ten million records a second
	// it is reached after 28 years. What says more is damaged, or made to
	// mislead; sums of what it may say do not overflow.
	maxSeq = 1 << 53
)

// Where a frame header's fields are.
const (
	atHeaderCRC  = 0
	atMagic      = 4
	atType       = 6
	atSeverity   = 7
	atLength     = 8
	atPayloadCRC = 12
	atSeq        = 16
	atOrigin     = 24
	atFlags      = 28
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// saltSize is that of the random bytes with which the checksums of a segment's
// frame headers begin. Nobody who writes a record knows them, so nothing in a
// record passes for a frame.
const saltSize = 16

// seed returns the state of a checksum that has read the salt.
func seed(salt [saltSize]byte) uint32 { return crc32.Checksum(salt[:], castagnoli) }

// header is a frame's, decoded.
type header struct {
	kind, severity, flags uint8
	length                uint32
	payloadCRC            uint32
	seq                   uint64
	origin                uint32
}

// putHeader writes the part of h that does not depend on the segment.
func putHeader(p []byte, h header) {
	_ = p[frameHeaderSize-1]
	binary.LittleEndian.PutUint16(p[atMagic:], frameMagic)
	p[atType], p[atSeverity] = h.kind, h.severity
	binary.LittleEndian.PutUint32(p[atLength:], h.length)
	binary.LittleEndian.PutUint32(p[atPayloadCRC:], h.payloadCRC)
	p[atFlags], p[atFlags+1], p[atFlags+2], p[atFlags+3] = h.flags, 0, 0, 0
}

// putPayloadCRC writes what putHeader could not know.
func putPayloadCRC(frame []byte) {
	binary.LittleEndian.PutUint32(frame[atPayloadCRC:], payloadCRC(frame[frameHeaderSize:]))
}

// stamp writes the rest: what a frame gets when it is put into a segment.
func stamp(p []byte, seed uint32, seq uint64, origin uint32) {
	_ = p[frameHeaderSize-1]
	binary.LittleEndian.PutUint64(p[atSeq:], seq)
	binary.LittleEndian.PutUint32(p[atOrigin:], origin)
	binary.LittleEndian.PutUint32(p[atHeaderCRC:], crc32.Update(seed, castagnoli, p[atMagic:frameHeaderSize]))
}

// parseHeader reads a header, and reports whether it is one of the segment with
// this seed.
func parseHeader(p []byte, seed uint32) (h header, ok bool) {
	if len(p) < frameHeaderSize || binary.LittleEndian.Uint16(p[atMagic:]) != frameMagic {
		return h, false
	}
	p = p[:frameHeaderSize]
	if crc32.Update(seed, castagnoli, p[atMagic:]) != binary.LittleEndian.Uint32(p[atHeaderCRC:]) {
		return h, false
	}
	h = header{
		kind: p[atType], severity: p[atSeverity], flags: p[atFlags],
		length:     binary.LittleEndian.Uint32(p[atLength:]),
		payloadCRC: binary.LittleEndian.Uint32(p[atPayloadCRC:]),
		seq:        binary.LittleEndian.Uint64(p[atSeq:]),
		origin:     binary.LittleEndian.Uint32(p[atOrigin:]),
	}
	if h.kind == typeOrigin {
		return h, h.length <= MaxOrigin
	}
	return h, h.length <= MaxPayload
}

// payloadCRC needs no salt: the header's checksum, which has one, covers it.
func payloadCRC(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// appendOrigin appends an origin's payload.
func appendOrigin(dst, resource, scope []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(resource)))
	dst = append(dst, resource...)
	return append(dst, scope...)
}

func originLen(resource, scope []byte) int {
	return (bits.Len64(uint64(len(resource))|1)+6)/7 + len(resource) + len(scope)
}

// splitOrigin undoes appendOrigin.
func splitOrigin(p []byte) (resource, scope []byte, ok bool) {
	n, width := binary.Uvarint(p)
	if width <= 0 || n > uint64(len(p)-width) {
		return nil, nil, false
	}
	p = p[width:]
	return p[:n:n], p[n:], true
}
