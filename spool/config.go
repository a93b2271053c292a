package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// Config are the settings of a disk queue. [DefaultConfig] supplies the
// defaults; a field then means what it says.
type Config struct {
	// Directory holds the queues. It is made when missing. Several processes
	// may share it: each has a queue of its own below it, and takes over those
	// of processes that have ended.
	Directory string `yaml:"directory"`
	// MaxSize bounds, in bytes, what this process keeps in the directory: its
	// queue, those it took over, and dead letters. At least 512KiB.
	MaxSize exporters.Size `yaml:"max_size"`
	// Sync is always, never, or every 200ms or any other time: what survives a
	// power cut. See the package's documentation.
	Sync SyncPolicy `yaml:"sync"`
	// OnFull is what happens to records when MaxSize is reached.
	OnFull OnFull `yaml:"on_full"`
	// Reserve is the share of MaxSize, from 0 to below 1, for records of ERROR
	// and above: drop_oldest spares them as long as they fit into it,
	// drop_newest leaves it to them. It is nothing to block.
	Reserve float64 `yaml:"reserve"`
	// MinFree is how many bytes of the file system the queue leaves free: as
	// if it were full when there are fewer.
	MinFree exporters.Size `yaml:"min_free"`
}

// DefaultConfig returns a Config that lacks only a directory: 1 GiB, synced
// every 200 ms, drop_oldest, a tenth for errors.
func DefaultConfig() Config {
	return Config{
		MaxSize: exporters.GiB,
		Sync:    SyncPolicy(200 * time.Millisecond),
		Reserve: 0.1,
	}
}

const (
	minSegment = int64(64 * exporters.KiB)
	maxSegment = int64(16 * exporters.MiB)
	// segments is how many a full queue has at least, so that making room for
	// a record costs no more than an eighth of the others.
	segments = 8
)

// Validate reports everything that is wrong with c, without touching the disk.
func (c Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case c.Directory == "":
		fail("directory: is empty: name the directory of the queue, such as /var/lib/shop/queue")
	case strings.ContainsRune(c.Directory, 0):
		fail("directory: %q holds a NUL byte", c.Directory)
	}
	if least := exporters.Size(segments * minSegment); c.MaxSize < least {
		fail("max_size: want at least %s, have %s: write a size with its unit, such as 1GiB", least, c.MaxSize)
	}
	if c.Sync < SyncAlways {
		fail("sync: want always, never or a time, have %d", c.Sync)
	}
	if c.OnFull < DropOldest || c.OnFull > Block {
		fail("on_full: unknown value %d", c.OnFull)
	}
	if math.IsNaN(c.Reserve) || c.Reserve < 0 || c.Reserve >= 1 {
		fail("reserve: want a share from 0 to below 1, have %v", c.Reserve)
	}
	if c.MinFree < 0 {
		fail("min_free: want 0 or more, have %d", c.MinFree)
	}
	return errors.Join(errs...)
}

// Check reports what would keep [New] from opening the queue, as far as that
// can be told without making or changing anything.
func (c Config) Check() error {
	dir, err := filepath.Abs(c.Directory)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	// The nearest directory that exists is where the rest would be made.
	info, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%q is no directory", dir)
	} else if err == nil {
		if err = canMakeIn(dir); err != nil {
			err = fmt.Errorf("nothing can be made in %q: %w", dir, err)
		}
	}
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// segmentSize is what the files of the queue grow to.
func (c Config) segmentSize() int64 {
	return max(min(int64(c.MaxSize)/segments, maxSegment), minSegment)
}

// SyncPolicy says when records are forced to the disk: never, always, or at most
// so long after they were written ("every 200ms", a positive SyncPolicy in
// nanoseconds).
type SyncPolicy time.Duration

const (
	// SyncNever leaves it to the operating system.
	SyncNever SyncPolicy = 0
	// SyncAlways makes Write return only when its records are on the disk.
	SyncAlways SyncPolicy = -1
)

// String returns the form that UnmarshalText reads.
func (p SyncPolicy) String() string {
	switch p {
	case SyncNever:
		return "never"
	case SyncAlways:
		return "always"
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
	case "always":
		*p = SyncAlways
	default:
		length, ok := strings.CutPrefix(s, "every ")
		if !ok {
			if d, err := exporters.ParseDuration(s); err == nil && d > 0 {
				return fmt.Errorf("unknown value %q: write every %s", s, s)
			}
			return fmt.Errorf("unknown value %q: want one of always, every 200ms, never", s)
		}
		d, err := exporters.ParseDuration(length)
		if err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
		if d <= 0 || d == exporters.Unlimited {
			return fmt.Errorf("%q: want a time above 0, or always, or never", s)
		}
		*p = SyncPolicy(d)
	}
	return nil
}

func (p SyncPolicy) journal() journal.Sync {
	switch p {
	case SyncNever:
		return journal.Never
	case SyncAlways:
		return journal.Always
	default:
		return journal.Sync(p)
	}
}

// OnFull is what a full queue does with records that arrive.
type OnFull int

const (
	// DropOldest gives up the oldest records, a segment of them at a time (an
	// eighth of MaxSize, at most 16 MiB); those of ERROR and above last, while
	// they fit into Reserve.
	DropOldest OnFull = iota
	// DropNewest gives up the records that arrive: those below ERROR as soon
	// as only Reserve is left.
	DropNewest
	// Block has Write fail with an error that is worth another try, until
	// there is room: the queue in front holds on to the records, by its own
	// policy.
	Block
)

var onFullNames = [...]string{"drop_oldest", "drop_newest", "block"}

// String returns the name used in configuration.
func (o OnFull) String() string {
	if o < 0 || int(o) >= len(onFullNames) {
		return fmt.Sprintf("OnFull(%d)", int(o))
	}
	return onFullNames[o]
}

// MarshalText implements [encoding.TextMarshaler].
func (o OnFull) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *OnFull) UnmarshalText(text []byte) error {
	for i, name := range onFullNames {
		if name == string(text) {
			*o = OnFull(i)
			return nil
		}
	}
	return fmt.Errorf("unknown policy %q: want one of %s", text, strings.Join(onFullNames[:], ", "))
}
