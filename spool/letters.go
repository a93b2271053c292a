package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const (
	deadLetterDir = "dead-letter"
	// reasonKey is the attribute of a dead letter that says why it is one.
	reasonKey = "sluice.dead_letter.reason"
	// maxReason bounds that, in bytes.
	maxReason = 4 << 10
)

// deadLetters is the file of the records that the exporter will never take, as
// OTLP JSON lines. Only the courier writes it.
type deadLetters struct {
	fs    disk.FS
	name  string
	limit int64 // of the file and the one before it
	size  atomic.Int64
	file  disk.File
	at    int64 // the end of the file
	buf   []byte
	dec   decode.OTLPProto
}

// bury puts items of the batch that are lost into the dead-letter file. That
// this fails is told, and keeps nobody from going on.
func (s *Spool) bury(items []journal.Item, cause string, why error) {
	l := &s.letters
	reason := redacted(cause + ": " + why.Error())
	l.buf = l.buf[:0]
	var errs []error
	for _, it := range items {
		uid := ""
		if !it.OwnUID {
			uid = s.courier.queue.journal.UID(it.Seq)
		}
		from := len(l.buf)
		if err := l.append(it, uid, reason); err != nil {
			errs = append(errs, err)
		}
		if most := int(min(l.limit/2, maxBytes)); len(l.buf) > most {
			line := l.buf[from:]
			errs = append(errs, l.write(l.buf[:from]))
			if len(line) > most {
				errs = append(errs, fmt.Errorf("one of %d bytes is too large", len(line)))
				line = nil
			}
			l.buf = append(l.buf[:0], line...)
		}
	}
	errs = append(errs, l.write(l.buf))
	if s.cfg.Sync == SyncAlways && l.file != nil {
		errs = append(errs, l.file.Sync())
	}
	if err := errors.Join(errs...); err != nil {
		s.report(fmt.Errorf("write dead letters: %w", err))
	}
}

// redacted returns an error's text without secrets.
func redacted(text string) string {
	// Before it is cut: half a secret may not look like one.
	text, _ = redact.Default().String(text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

func (l *deadLetters) append(it journal.Item, uid, reason string) error {
	var origin *record.Origin
	if it.Origin != nil {
		// Without an origin rather than not at all.
		origin, _ = l.dec.Origin(it.Origin.Resource, it.Origin.Scope)
	}
	r, err := l.dec.Log(it.Log, origin)
	if err != nil {
		return err
	}
	if uid != "" {
		r.AddAttributes(attribute.String(string(semconv.LogRecordUIDKey), uid))
	}
	r.AddAttributes(attribute.String(reasonKey, reason))
	l.buf = encode.OTLPJSON().Append(l.buf, r)
	return nil
}

// write appends lines to the file. A replay may take that away at any time, also
// while they are written, and nobody knows what it has seen: then they go into a
// new file, rather twice than not at all.
func (l *deadLetters) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	for range 3 {
		if err := l.put(lines); err != nil {
			return err
		}
		if l.isThere() {
			return nil
		}
		l.letGo()
	}
	return errors.New("the file is taken away each time")
}

// isThere reports whether the file has its name.
func (l *deadLetters) isThere() bool {
	f, err := l.fs.Open(l.name)
	if err == nil {
		_ = f.Close() // which was not even read
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// letGo gives up a file that was taken.
func (l *deadLetters) letGo() {
	l.close()
	l.size.Add(-l.at)
	l.at = 0
}

// put appends lines to the file, and begins a new file if that would be too
// large.
func (l *deadLetters) put(lines []byte) error {
	if l.at > 0 && (l.file == nil || l.at+int64(len(lines)) > l.limit/2) {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if l.file == nil {
		if err := l.create(); err != nil {
			return err
		}
	}
	n, err := l.file.WriteAt(lines, l.at)
	if err != nil {
		// A torn line must not swallow the next one.
		_ = l.file.Truncate(l.at)
		return err
	}
	l.at += int64(n)
	l.size.Add(int64(n))
	return nil
}

func (l *deadLetters) create() error {
	err := l.fs.Mkdir(deadLetterDir)
	if err == nil {
		err = l.fs.SyncDir(".")
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	l.prune()
	f, err := l.fs.Create(l.name)
	if err != nil {
		return err
	}
	l.file = f
	return l.fs.SyncDir(deadLetterDir)
}

// prune removes letters of queues that are gone, as long as there are more than
// one process may have: each process has a file of its own.
func (l *deadLetters) prune() {
	letters, err := l.fs.ReadDir(deadLetterDir)
	if err != nil {
		return
	}
	queues, err := journal.List(l.fs)
	if err != nil {
		return
	}
	var gone []disk.Entry
	var size int64
	for _, e := range letters {
		if id, _, _ := strings.Cut(e.Name, "."); e.Regular && isLetters(e.Name) && !slices.Contains(queues, id) {
			gone = append(gone, e)
			size += e.Size
		}
	}
	for _, e := range gone {
		if size <= l.limit {
			return
		}
		if l.fs.Remove(deadLetterDir+"/"+e.Name) == nil {
			size -= e.Size
		}
	}
}

// rotate makes the file the one before it, in place of what had that name.
func (l *deadLetters) rotate() error {
	l.close()
	err := l.fs.Rename(l.name, l.name+".1")
	if errors.Is(err, fs.ErrNotExist) {
		l.letGo()
		return nil
	}
	if err != nil {
		return err
	}
	l.size.Store(l.at)
	l.at = 0
	return nil
}

func (l *deadLetters) close() {
	if l.file != nil {
		_ = l.file.Close() // whose content is written
		l.file = nil
	}
}
