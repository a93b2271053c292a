// Package recordlist is a Collector exporter for tests: it appends the
// attribute "id" of each log record to a file, one a line, so that a test can
// count what was delivered and what was delivered twice.
package recordlist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
)

// NoID stands for a record without the attribute.
const NoID = "-"

// Config is the exporter's section in a Collector's configuration.
type Config struct {
	// Path is the file. It is made if it is absent, and appended to.
	Path string `mapstructure:"path"`
	// Fsync syncs the file before a batch is acknowledged. Without it a batch
	// is acknowledged when it has reached the kernel, which survives the
	// Collector's death but not the machine's.
	Fsync bool `mapstructure:"fsync"`
	// RefuseWhile names a file; while it exists every batch is refused with an
	// error that is worth another try, as by a Collector whose destination is
	// down. Empty refuses nothing.
	RefuseWhile string `mapstructure:"refuse_while"`
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if c.Path == "" {
		return errors.New("path: must be set")
	}
	return nil
}

// NewFactory returns the factory of the exporter "recordlist".
func NewFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("recordlist"),
		func() component.Config { return &Config{} },
		exporter.WithLogs(func(_ context.Context, _ exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			return &list{cfg: *cfg.(*Config)}, nil
		}, component.StabilityLevelDevelopment))
}

type list struct {
	cfg  Config
	mu   sync.Mutex
	file *os.File
}

func (l *list) Start(context.Context, component.Host) error {
	file, err := os.OpenFile(l.cfg.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	if err := cutTornLine(file); err != nil {
		return errors.Join(err, file.Close())
	}
	l.file = file
	return nil
}

// cutTornLine removes what a killed Collector left behind the last end of
// line: part of an id, which reads like another id.
func cutTornLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	tail := make([]byte, min(info.Size(), 4096))
	if _, err := file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return err
	}
	torn := len(tail) - 1 - bytes.LastIndexByte(tail, '\n')
	return file.Truncate(info.Size() - int64(torn))
}

func (l *list) Shutdown(context.Context) error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

func (l *list) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs returns nil when the batch's ids have been written: a Collector
// killed later has delivered them.
func (l *list) ConsumeLogs(_ context.Context, logs plog.Logs) error {
	if l.cfg.RefuseWhile != "" {
		if _, err := os.Stat(l.cfg.RefuseWhile); err == nil {
			return errors.New("recordlist: told to refuse")
		}
	}
	var ids strings.Builder
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, r := range scope.LogRecords().All() {
				id := NoID
				if v, ok := r.Attributes().Get("id"); ok {
					id = v.AsString()
				}
				ids.WriteString(id)
				ids.WriteByte('\n')
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.WriteString(ids.String()); err != nil {
		return fmt.Errorf("recordlist: %w", err)
	}
	if l.cfg.Fsync {
		return l.file.Sync()
	}
	return nil
}
