package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// SyncPolicy says when what was written is forced to the disk with fsync(2), so
// that it survives a power cut: never, after each batch, or at most so long
// after it was written ("every 1s", a positive SyncPolicy in nanoseconds).
type SyncPolicy time.Duration

const (
	// SyncNever leaves it to the operating system, which writes back within
	// about half a minute.
	SyncNever SyncPolicy = 0
	// SyncBatch makes Write return only when its records are on the disk.
	SyncBatch SyncPolicy = -1
)

// String returns the form that UnmarshalText reads.
func (p SyncPolicy) String() string {
	switch p {
	case SyncNever:
		return "never"
	case SyncBatch:
		return "batch"
	default:
		return "every " + exporters.Duration(p).String()
	}
}

// MarshalText implements [encoding.TextMarshaler].
func (p SyncPolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *SyncPolicy) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "never":
		*p = SyncNever
	case "batch":
		*p = SyncBatch
	default:
		length, ok := strings.CutPrefix(s, "every ")
		if !ok {
			if d, err := exporters.ParseDuration(s); err == nil && d > 0 {
				return fmt.Errorf("unknown value %q: write every %s", s, s)
			}
			return fmt.Errorf("unknown value %q: want one of never, batch, every 1s", s)
		}
		d, err := exporters.ParseDuration(length)
		if err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
		if d <= 0 || d == exporters.Unlimited {
			return fmt.Errorf("%q: want a time above 0, or never, or batch", s)
		}
		*p = SyncPolicy(d)
	}
	return nil
}

// Severity is a severity in configuration: one of OpenTelemetry's short names
// in any case, error or warn2; 0 is none.
type Severity log.Severity

// String returns the short name in lower case.
func (s Severity) String() string { return strings.ToLower(record.SeverityName(log.Severity(s))) }

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(text []byte) error {
	sev, ok := record.ParseSeverity(string(text))
	if !ok {
		return fmt.Errorf("unknown severity %q: want one of trace, debug, info, warn, error, fatal, or one with a number like error2", text)
	}
	*s = Severity(sev)
	return nil
}

// syncs reports whether the exporter forces anything to the disk.
func (e *Exporter) syncs() bool { return e.cfg.Sync != SyncNever || e.cfg.SyncLevel != 0 }

// wrote does what the policy wants after recs were written. The turn is held,
// the lock between processes is not: they write on meanwhile.
func (e *Exporter) wrote(recs []record.Record) error {
	if len(recs) == 0 || !e.syncs() {
		return nil
	}
	if e.cfg.Sync == SyncBatch || e.urgent(recs) {
		return e.sync()
	}
	if e.cfg.Sync > 0 && e.unsynced() > 0 && !e.syncDue {
		e.syncDue = true
		if every := time.Duration(e.cfg.Sync); e.syncTimer == nil {
			e.syncTimer = time.AfterFunc(every, e.syncInBackground)
		} else {
			e.syncTimer.Reset(every)
		}
	}
	return nil
}

func (e *Exporter) urgent(recs []record.Record) bool {
	if e.cfg.SyncLevel == 0 {
		return false
	}
	for i := range recs {
		if recs[i].Severity >= log.Severity(e.cfg.SyncLevel) {
			return true
		}
	}
	return false
}

// unsynced is how many records of the live file are not known to be on the
// disk.
func (e *Exporter) unsynced() uint64 {
	if !e.syncs() {
		return 0
	}
	return e.records - e.synced
}

// sync forces what was written to the disk. The caller has the turn.
//
// After a failed fsync the kernel may have dropped the pages, and says so only
// once: another try would succeed and mean nothing. So the descriptor is given
// up, and what may be lost is told and counted.
func (e *Exporter) sync() error {
	if e.live.f == nil || e.unsynced() == 0 {
		return nil
	}
	if err := e.fsync(e.live.f); err != nil {
		err = e.syncFailed(err, e.unsynced())
		return errors.Join(err, e.abandon())
	}
	e.synced = e.records
	return nil
}

func (e *Exporter) syncFailed(err error, records uint64) error {
	e.stats.syncFailures.Add(1)
	e.stats.unsynced.Add(records)
	return fmt.Errorf("file: %d records may not survive a power cut: %w", records, err)
}

// syncInBackground is run by the timer. Nobody waits for its fsync; that the
// file may be closed meanwhile is what [os.File] allows for.
func (e *Exporter) syncInBackground() {
	_ = e.turn.Lock(context.Background()) // which never ends
	f, records, n := e.live.f, e.records, e.unsynced()
	e.syncDue = false
	e.unlock()
	if f == nil || n == 0 {
		return
	}
	err := e.fsync(f)
	_ = e.turn.Lock(context.Background())
	defer e.unlock()
	switch same := e.live.f == f; {
	case err == nil && same:
		e.synced = max(e.synced, records)
	case err != nil && same:
		e.tell(errors.Join(e.syncFailed(err, e.unsynced()), e.abandon()))
	case err != nil && !errors.Is(err, os.ErrClosed):
		// It was closed, and synced before that; but the kernel tells a
		// descriptor of a failure only once, and has told it here.
		e.tell(e.syncFailed(err, n))
	}
}
