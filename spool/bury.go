package spool

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const (
	// reasonKey is the attribute of a dead letter that says why it is one.
	reasonKey = "sluice.dead_letter.reason"
	// maxReason bounds that, in bytes.
	maxReason = 4 << 10
)

// bury puts items of the batch that are lost into the dead-letter file. What it
// returns is to be told, and keeps nobody from going on: a queue that waited for
// room on a full disk would itself be what fills it.
func (s *Spool) bury(items []journal.Item, cause string, why error) error {
	l := &s.letters
	reason := redacted(cause + ": " + why.Error())
	l.buf = l.buf[:0]
	var errs []error
	lost, pending := 0, 0
	write := func(lines []byte) {
		if err := l.write(lines); err != nil {
			errs = append(errs, err)
			lost += pending
		}
		pending = 0
	}
	for _, it := range items {
		uid := ""
		if !it.OwnUID {
			uid = s.courier.queue.journal.UID(it.Seq)
		}
		from := len(l.buf)
		if err := l.append(it, uid, reason); err != nil {
			l.buf = l.buf[:from]
			errs = append(errs, err)
			lost++
		}
		if from > 0 && int64(len(l.buf)) > min(l.limit/2, maxBytes) {
			write(l.buf[:from])
			l.buf = append(l.buf[:0], l.buf[from:]...)
			from = 0
		}
		if len(l.buf) > from {
			pending++
		}
	}
	write(l.buf)
	if cap(l.buf) > 4*maxBytes {
		l.buf = nil // of a single huge record
	}
	if s.cfg.Sync == SyncAlways && l.file != nil {
		errs = append(errs, l.file.Sync())
	}
	err := errors.Join(errs...)
	if err != nil {
		s.mu.Lock()
		s.books.failures++
		s.mu.Unlock()
		if lost > 0 {
			err = fmt.Errorf("spool: dead letters cannot be written, %d of %d records are lost for good: %w", lost, len(items), err)
		} else {
			err = fmt.Errorf("spool: write dead letters: %w", err)
		}
	}
	if l.gone > 0 {
		err = join(err, fmt.Errorf("spool: %d dead letters were discarded so far, to make room for newer ones", l.gone))
	}
	return err
}

// join is [errors.Join] in one line.
func join(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
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

// append appends the line of an item to buf. What tells of drops is for the
// destination, and nothing that could be wanted back.
func (l *deadLetters) append(it journal.Item, uid, reason string) error {
	most := min(l.limit, maxLetter)
	tooLarge := func(size int) error {
		return fmt.Errorf("a record of %d bytes is not kept: a dead letter may have %d", size, most)
	}
	if int64(len(it.Log)) > most {
		return tooLarge(len(it.Log))
	}
	var origin *record.Origin
	if it.Origin != nil {
		// Without an origin rather than not at all.
		origin, _ = l.dec.Origin(it.Origin.Resource, it.Origin.Scope)
	}
	r, err := l.dec.Log(it.Log, origin)
	if err != nil || isNotice(r) {
		return err
	}
	if uid != "" {
		r.AddAttributes(attribute.String(string(semconv.LogRecordUIDKey), uid))
	}
	r.AddAttributes(attribute.String(reasonKey, reason))
	from := len(l.buf)
	l.buf = encode.OTLPJSON().Append(l.buf, r)
	if size := len(l.buf) - from; int64(size) > most {
		return tooLarge(size)
	}
	return nil
}
