package processors

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
)

// OnFull is what a full queue does with a record that arrives.
type OnFull int

const (
	// DropLowest gives up the oldest record of the lowest severity range
	// (below INFO, INFO, WARN, ERROR and above) that is not above the arriving
	// record's, else the arriving record: no ERROR is lost while anything
	// lower waits that could make room for it. (A batch in flight makes none.)
	DropLowest OnFull = iota
	// DropOldest gives up the oldest record.
	DropOldest
	// DropNewest gives up the arriving record.
	DropNewest
	// Block makes the caller wait for room, at most BlockTimeout; then the
	// arriving record is dropped.
	Block
)

var onFullNames = [...]string{"drop_lowest", "drop_oldest", "drop_newest", "block"}

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
	return fmt.Errorf("unknown policy %q: want %s", text, strings.Join(onFullNames[:], ", "))
}

// BatchConfig configures a [Batch].
type BatchConfig struct {
	// Name is what statistics call the exporter; empty means the name of the
	// sink's package.
	Name string `yaml:"name"`
	// Match chooses the records; nil means all.
	Match *Match `yaml:"match"`
	// MaxQueueSize bounds the records that wait or are in flight.
	MaxQueueSize int `yaml:"max_queue_size"`
	// MaxQueueBytes bounds their memory, as [record.Record.Size] estimates it.
	// It may be exceeded by one chunk (64 KiB), or by one record larger than
	// that.
	MaxQueueBytes exporters.Size `yaml:"max_queue_bytes"`
	// MaxExportBatchSize bounds the records of one Write.
	MaxExportBatchSize int `yaml:"max_export_batch_size"`
	// ScheduleDelay is how long a record waits for company at most. A full
	// batch, a FATAL record, ForceFlush and Shutdown end the wait.
	ScheduleDelay exporters.Duration `yaml:"schedule_delay"`
	// ExportTimeout bounds one Write.
	ExportTimeout exporters.Duration `yaml:"export_timeout"`
	// OnFull is the policy of a full queue.
	OnFull OnFull `yaml:"on_full"`
	// BlockTimeout bounds the wait of Block; exporters.Unlimited is no bound.
	BlockTimeout exporters.Duration `yaml:"block_timeout"`
}

// DefaultBatchConfig returns the defaults: 8192 records, 16 MiB, batches of
// 512 every 200 ms, 30 s for an export, drop_lowest, 1 s for block.
func DefaultBatchConfig() BatchConfig {
	return BatchConfig{
		MaxQueueSize:       8192,
		MaxQueueBytes:      16 * exporters.MiB,
		MaxExportBatchSize: 512,
		ScheduleDelay:      exporters.Duration(200e6),
		ExportTimeout:      exporters.Duration(30e9),
		OnFull:             DropLowest,
		BlockTimeout:       exporters.Duration(1e9),
	}
}

// Validate reports every setting that cannot work.
func (c BatchConfig) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(c.MaxQueueSize > 0, "max_queue_size is %d: want at least 1", c.MaxQueueSize)
	bad(c.MaxQueueBytes > 0, "max_queue_bytes is %d: want at least 1", c.MaxQueueBytes)
	bad(c.MaxExportBatchSize > 0, "max_export_batch_size is %d: want at least 1", c.MaxExportBatchSize)
	bad(c.MaxQueueSize <= 0 || c.MaxExportBatchSize <= c.MaxQueueSize,
		"max_export_batch_size is %d, more than max_queue_size %d: no batch could ever be full", c.MaxExportBatchSize, c.MaxQueueSize)
	bad(c.ScheduleDelay >= 0, "schedule_delay is negative")
	bad(c.ExportTimeout > 0, "export_timeout is %s: want more than 0s", c.ExportTimeout)
	bad(c.OnFull >= DropLowest && c.OnFull <= Block, "on_full is %s", c.OnFull)
	bad(c.BlockTimeout >= 0, "block_timeout is negative")
	if c.Match != nil {
		if err := c.Match.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("match: %w", err))
		}
	}
	return errors.Join(errs...)
}
