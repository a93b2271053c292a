package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Version is that of the format that is written.
const Version = 1

const (
	segmentMagic = "sluiceQS"
	// The header stands twice, a page apart, so that one damaged place never
	// costs a segment; what is between is a hole.
	segmentHeaderSize = 64
	secondHeader      = 4096
	firstFrame        = secondHeader + segmentHeaderSize

	segmentSuffix = ".seg"
	tempSuffix    = ".tmp"
	seqDigits     = 20

	flagCompacted = 1
)

// segment is a file of frames. Its fields are guarded by Journal.mu but for
// what is said to be its writer's.
type segment struct {
	segmentHeader
	seed uint32
	// end is the sequence number after its last record; 0 in the active
	// segment. Frames from there on do not count.
	end uint64
	// limit is where reading stops, in bytes from the file's beginning.
	limit int64
	// fresh says that its file has a name which is not synced.
	fresh bool
	// missed says that the records it should have and has not were counted.
	missed bool
	// evicted is what was taken out and counted, wherever it may be found again.
	evicted evicted
	// gone says that its file was removed.
	gone bool
	// failures counts reads that have failed since one worked.
	failures int
	// unsure says that the end may be further on: a part could not be read.
	unsure bool

	// Only the writer, who holds writeMu, uses what follows.
	file    disk.File
	written int64
	numbers map[*encode.OTLPOrigin]uint32
	origins []*encode.OTLPOrigin // by number, from 1
}

// segmentHeader is the part of a segment that never changes.
type segmentHeader struct {
	queue, first uint64
	salt         [saltSize]byte
	created      int64 // Unix nanoseconds
	compacted    bool
	floor        uint8  // of a compacted one: less severe records were taken out
	records      uint32 // of a compacted one: how many it has
}

var (
	errDamaged = errors.New("damaged")
	errForeign = errors.New("part of another queue, or renamed")
	// ErrVersion says that a later version of the format was found. Such a
	// queue is left alone.
	ErrVersion = errors.New("written by a later version")
)

func segmentName(first uint64) string { return fmt.Sprintf("%0*d%s", seqDigits, first, segmentSuffix) }

// parseSegmentName undoes segmentName.
func parseSegmentName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != seqDigits {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && segmentName(first) == name
}

// appendSegmentHeader appends both copies.
func appendSegmentHeader(dst []byte, h segmentHeader) []byte {
	var p [segmentHeaderSize]byte
	copy(p[:], segmentMagic)
	binary.LittleEndian.PutUint16(p[8:], Version)
	if h.compacted {
		binary.LittleEndian.PutUint16(p[10:], flagCompacted)
	}
	binary.LittleEndian.PutUint64(p[12:], h.queue)
	binary.LittleEndian.PutUint64(p[20:], h.first)
	copy(p[28:], h.salt[:])
	binary.LittleEndian.PutUint64(p[44:], uint64(h.created))
	binary.LittleEndian.PutUint32(p[52:], h.records)
	p[56] = h.floor
	binary.LittleEndian.PutUint32(p[60:], crc32.Checksum(p[:60], castagnoli))
	dst = append(dst, p[:]...)
	dst = append(dst, make([]byte, secondHeader-segmentHeaderSize)...)
	return append(dst, p[:]...)
}

// parseSegmentHeader reads one copy. Every version keeps the magic, the version
// and the checksum where they are, so that damage is no later version.
func parseSegmentHeader(p []byte) (h segmentHeader, err error) {
	if len(p) < segmentHeaderSize || string(p[:8]) != segmentMagic ||
		crc32.Checksum(p[:60], castagnoli) != binary.LittleEndian.Uint32(p[60:]) {
		return h, errDamaged
	}
	if binary.LittleEndian.Uint16(p[8:]) != Version {
		return h, ErrVersion
	}
	h = segmentHeader{
		compacted: binary.LittleEndian.Uint16(p[10:])&flagCompacted != 0,
		queue:     binary.LittleEndian.Uint64(p[12:]),
		first:     binary.LittleEndian.Uint64(p[20:]),
		salt:      [saltSize]byte(p[28:44]),
		created:   int64(binary.LittleEndian.Uint64(p[44:])),
		records:   binary.LittleEndian.Uint32(p[52:]),
		floor:     p[56],
	}
	if h.first < firstSeq || h.first >= maxSeq {
		return segmentHeader{}, errDamaged
	}
	return h, nil
}

// readSegmentHeader reads the first copy that is whole.
func readSegmentHeader(f disk.File) (segmentHeader, error) {
	var failed error
	for _, at := range []int64{0, secondHeader} {
		var p [segmentHeaderSize]byte
		if _, err := f.ReadAt(p[:], at); err != nil {
			if !errors.Is(err, io.EOF) {
				failed = err
			}
			continue
		}
		if h, err := parseSegmentHeader(p[:]); !errors.Is(err, errDamaged) {
			return h, err
		}
	}
	if failed != nil {
		return segmentHeader{}, failed
	}
	return segmentHeader{}, errDamaged
}

// holds reports whether a frame is a record that a writer can have put there.
func (h *segmentHeader) holds(fr *found) bool {
	return fr.kind == typeRecord && fr.seq >= h.first && fr.seq < maxSeq && (h.compacted || fr.seq <= h.atMost(fr.at))
}

// atMost bounds the sequence numbers in a segment: a record that begins at off
// has at most so many before it as frame headers would fit there.
func (h *segmentHeader) atMost(off int64) uint64 {
	return h.first + uint64(off-firstFrame)/frameHeaderSize
}
