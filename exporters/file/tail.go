package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// maxTail bounds how far back the start of a torn line is looked for.
const maxTail = 16 << 20

// tornMark ends a line that may lack its end, so that nobody takes it for
// whole: in formats that do not show it themselves.
const tornMark = " [torn]"

// repairTail makes the file end behind a line feed, so that what a crash has
// cut in two never swallows the next record. It returns the file's size then,
// and whether there was anything to repair:
//
//   - trailing NUL bytes, which file systems leave after a power cut, are cut
//     off: no format of ours writes any;
//   - in the JSON formats, a last line that is whole JSON is given its line
//     feed, and what began as an object and is not whole is cut off;
//   - any other last line stays and is closed with a mark and a line feed. It
//     may be another program's, and text does not show whether it is whole.
func repairTail(f *os.File, size int64, format string) (newSize int64, torn bool, err error) {
	// Nearly always the file ends well; with several writers this is asked
	// before every batch.
	if whole, err := endsWell(f, size); err != nil || whole {
		return size, false, err
	}
	end, err := withoutNULs(f, size)
	var text []byte
	if err == nil {
		// newSize is where the torn line begins until it is decided what stays.
		newSize, text, err = lastLine(f, end)
	}
	if err != nil {
		return size, false, fmt.Errorf("file: read the end of %q: %w", f.Name(), err)
	}
	if end == size && len(text) == 0 {
		return size, false, nil
	}
	closing := "\n"
	switch isJSON := format == "json" || format == "otlp_json"; {
	case len(text) == 0:
		closing = ""
	case isJSON && json.Valid(text):
	case isJSON && text[0] == '{' && len(text) < maxTail:
		text, closing = nil, ""
	default:
		closing = tornMark + "\n"
	}
	newSize += int64(len(text))
	if newSize < size {
		if err := f.Truncate(newSize); err != nil {
			return size, false, fmt.Errorf("file: cut the torn end of %q: %w", f.Name(), err)
		}
	}
	if _, err := f.Seek(newSize, io.SeekStart); err != nil {
		return size, false, fmt.Errorf("file: %w", err)
	}
	if _, err := io.WriteString(f, closing); err != nil {
		_ = f.Truncate(newSize) // no half marks; the next try finds the line as it was
		return newSize, false, fmt.Errorf("file: close the torn end of %q: %w", f.Name(), err)
	}
	return newSize + int64(len(closing)), true, nil
}

// endsWell reports whether the file is empty or ends in a line feed.
func endsWell(f *os.File, size int64) (bool, error) {
	if size == 0 {
		return true, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return false, fmt.Errorf("file: read the end of %q: %w", f.Name(), err)
	}
	return last[0] == '\n', nil
}

// withoutNULs returns the file's size without the NUL bytes at its end, of
// which a power cut may leave any number.
func withoutNULs(f *os.File, size int64) (int64, error) {
	block := make([]byte, min(size, 64<<10))
	for size > 0 {
		part := block[:min(size, int64(len(block)))]
		if _, err := f.ReadAt(part, size-int64(len(part))); err != nil {
			return 0, err
		}
		kept := bytes.TrimRight(part, "\x00")
		size -= int64(len(part) - len(kept))
		if len(kept) > 0 {
			break
		}
	}
	return size, nil
}

// lastLine returns what follows the file's last line feed, and its offset. It
// looks back no further than maxTail.
func lastLine(f *os.File, size int64) (start int64, tail []byte, err error) {
	for n := min(size, 512); ; n = min(8*n, size, maxTail) { // nearly always the file ends well
		tail = make([]byte, n)
		if _, err := f.ReadAt(tail, size-n); err != nil {
			return 0, nil, err
		}
		if i := bytes.LastIndexByte(tail, '\n'); i >= 0 {
			return size - n + int64(i) + 1, tail[i+1:], nil
		}
		if n == size || n == maxTail {
			return size - n, tail, nil
		}
	}
}
