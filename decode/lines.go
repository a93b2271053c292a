package decode

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// MaxLine is the length in bytes from where [Lines] cuts lines by default.
const MaxLine = 1 << 20

// Line is one line without its end, or a part of one.
type Line struct {
	// Text is valid until the next call of [Lines.Next].
	Text []byte
	// Part is 0 for a whole line, else the number of this part, from 1, of a
	// line longer than the limit.
	Part int
	// Last marks the last part.
	Last bool
}

// Lines cuts a stream into lines. A line ends with LF or CRLF, the last one
// may lack it. A line longer than the limit is cut into parts, between
// characters where it is UTF-8, so memory stays bounded whatever comes. A byte
// order mark in front of the stream is skipped; all other bytes, NUL included,
// are passed on.
type Lines struct {
	r     io.Reader
	limit int
	buf   []byte
	// buf[start:end] is unread; no newline is in buf[start:scan].
	start, scan, end int
	part             int
	begun            bool
	err              error
}

const (
	minBuffer = 64 << 10
	// maxEmptyReads is how often a reader may return nothing and no error.
	maxEmptyReads = 100
)

// NewLines returns the lines of r, cut at limit bytes (at least
// [utf8.UTFMax]; 0 stands for [MaxLine]).
func NewLines(r io.Reader, limit int) *Lines {
	if limit == 0 {
		limit = MaxLine
	}
	return &Lines{r: r, limit: max(limit, utf8.UTFMax)}
}

// Next returns the next line or part. At the end it returns io.EOF, or the
// error of the reader, once all that was read has been returned.
func (l *Lines) Next() (Line, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.scan:l.end], '\n'); i >= 0 {
			return l.take(l.scan+i, 1), nil
		}
		l.scan = l.end
		// Two bytes more than the limit can be a full line with its CRLF.
		if l.end-l.start >= l.limit+2 {
			return l.take(l.end, 0), nil
		}
		if l.err != nil {
			if l.end > l.start {
				return l.take(l.end, 0), nil
			}
			return Line{}, l.err
		}
		l.fill()
	}
}

// take returns what stands before end, where delim bytes of delimiter follow,
// or the first part of it.
func (l *Lines) take(end, delim int) Line {
	text := l.buf[l.start:end]
	if delim > 0 {
		text = bytes.TrimSuffix(text, []byte{'\r'})
	}
	if len(text) > l.limit {
		text = text[:cut(text, l.limit)]
		l.start += len(text)
		l.scan = l.start
		l.part++
		return Line{Text: text, Part: l.part}
	}
	l.start = end + delim
	l.scan = l.start
	line := Line{Text: text}
	if l.part > 0 {
		line.Part, line.Last = l.part+1, true
		l.part = 0
	}
	return line
}

// cut returns the largest n up to limit at which text may be cut without
// tearing a character, or limit where it is not UTF-8.
func cut(text []byte, limit int) int {
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return limit
}

// fill reads more into buf, which it grows up to one line of limit bytes.
func (l *Lines) fill() {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.scan -= l.start
		l.end -= l.start
		l.start = 0
	}
	if l.end == len(l.buf) {
		grown := make([]byte, min(max(2*len(l.buf), minBuffer), max(l.limit+2, minBuffer)))
		copy(grown, l.buf[:l.end])
		l.buf = grown
	}
	for range maxEmptyReads {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			l.skipMark()
			return
		}
	}
	l.err = io.ErrNoProgress
}

// skipMark skips a byte order mark in front of the stream.
func (l *Lines) skipMark() {
	const mark = "\xef\xbb\xbf"
	if l.begun || l.end-l.start < len(mark) && l.err == nil && bytes.HasPrefix([]byte(mark), l.buf[l.start:l.end]) {
		return
	}
	l.begun = true
	if bytes.HasPrefix(l.buf[l.start:l.end], []byte(mark)) {
		l.start += len(mark)
		l.scan = l.start
	}
}
