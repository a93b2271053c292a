package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
)

// Config are the settings of the file exporter. [DefaultConfig] supplies the
// defaults; a field then means what it says.
type Config struct {
	// Path is the live file. Its directory is made when missing.
	Path string `yaml:"path"`
	// Mode is append, or truncate: start with an empty file.
	Mode string `yaml:"mode"`
	// Delay opens the file at the first record, so that a program that logs
	// nothing leaves no file.
	Delay bool `yaml:"delay"`
	// Format is json, text, logfmt or otlp_json.
	Format string `yaml:"format"`
	// Template is what lines of the format text look like, with fields in
	// braces: "{time} {level<5} {logger}: {message} {attributes}". The fields
	// are those of [encode.Options]. Empty means the format's own look.
	Template string `yaml:"template"`
	// Include lists what lines show beyond the record's own fields: service,
	// pid, host, source, resource. If nil, service and pid in a shared file. A template has fields for them instead.
	Include []encode.Field `yaml:"include"`
	// Rotation says when the live file becomes a backup, and what that is
	// called.
	Rotation Rotation `yaml:"rotation"`
	// Retention says which backups are deleted.
	Retention Retention `yaml:"retention"`
	// Shared lets any number of processes write to the file, each with an
	// exporter of the same settings: a lock file beside it, .NAME.lock, keeps
	// them apart for one batch at a time. Needs a local file system, and flock(2).
	Shared bool `yaml:"shared"`
	// Reopen looks before every batch whether the path still names the open
	// file, and opens the one it names if not: after logrotate, a rename or a
	// removal. Without it the open file is written to until it is rotated, or
	// [Exporter.Reopen] is called.
	Reopen bool `yaml:"reopen"`
	// Sync is never, batch, or every 1s or any other time: when written records
	// are forced to the disk. A file is also synced before it becomes a backup.
	Sync SyncPolicy `yaml:"sync"`
	// SyncLevel forces a batch to the disk at once when it holds a record of
	// that severity or above.
	SyncLevel Severity `yaml:"sync_level"`
	// Permissions are those of new files, less the process's umask.
	Permissions FileMode `yaml:"permissions"`
	// DirectoryPermissions are those of new directories, less the umask.
	DirectoryPermissions FileMode `yaml:"directory_permissions"`
	// OnRotate, if set, is called for every backup, from one goroutine at a
	// time, oldest first, when nothing is written to it any more and it is
	// compressed: to upload it, for example. Retention deletes none that
	// OnRotate has not returned nil for. An error (or a panic) keeps the
	// backup, is counted, and OnRotate is called again after a second, then
	// twice that, up to 5 minutes.
	//
	// It is called at least once for each backup, over restarts and crashes:
	// backups that were there before and that no call is known to have
	// succeeded for (in the file .NAME.hooked beside the live file NAME) are
	// given to it too. It gets a backup that could not be compressed as it
	// is. OnRotate may delete or move the backup. ctx ends when Shutdown's
	// does. Timestamp names are required.
	OnRotate func(ctx context.Context, b Backup) error `yaml:"-"`
}

// Rotation says when the live file becomes a backup.
type Rotation struct {
	// MaxSize in bytes is never exceeded, except by a single record that is
	// larger: it gets a file of its own. 0 does not rotate by size.
	MaxSize exporters.Size `yaml:"max_size"`
	// Schedule is hourly, daily, weekly:MON or any other day of the week,
	// every 6h or any other time of whole seconds; empty does not rotate by
	// time. Parts of a day are counted from midnight when they divide it, else
	// like 7h from 1970-01-01T00:00Z; days from 1970-01-01. Records belong to
	// the interval they are written in. An empty file is not rotated; what
	// fell due while nothing ran is made up for when the file is opened. In
	// local time a time of day that a change of the clock skips counts as the
	// moment of the change, one that comes twice counts once; an hour that
	// comes twice counts twice. A clock that is set back by up to an interval
	// repeats no rotation.
	Schedule string `yaml:"schedule"`
	// At is the time of day, HH:MM or HH:MM:SS, when intervals of whole days
	// begin; empty is midnight.
	At string `yaml:"at"`
	// UTC goes by UTC instead of local time.
	UTC bool `yaml:"utc"`
	// Naming is timestamp or numbered (app.jsonl.1 is the newest). Timestamps,
	// app-2026-11-21T10-15-30.123Z.jsonl, are in UTC: the beginning of its
	// interval for a file whose interval is over, the time of rotation for one
	// that was too large. One that would not be later than that of every older
	// backup is the next millisecond after the newest, so that an interval
	// of several files is in order.
	Naming string `yaml:"naming"`
	// Compression of backups is none, gzip (app.jsonl.1.gz) or zstd
	// (app.jsonl.1.zst), in the background.
	Compression string `yaml:"compression"`
}

// DefaultConfig appends JSON lines to a file opened at once, does not rotate,
// and keeps 10 backups as soon as rotation is asked for.
func DefaultConfig() Config {
	return Config{
		Mode:                 "append",
		Format:               "json",
		Rotation:             Rotation{Naming: "timestamp", Compression: "none"},
		Retention:            Retention{MaxFiles: KeepDefault},
		Reopen:               true,
		Permissions:          0o640,
		DirectoryPermissions: 0o750,
	}
}

var formats = []string{"json", "text", "logfmt", "otlp_json"}

// needRotation lists what c sets for backups.
func (c Config) needRotation() (set []string) {
	for _, s := range []struct {
		what string
		set  bool
	}{
		{"rotation.compression: " + c.Rotation.Compression, c.Rotation.Compression != "" && c.Rotation.Compression != "none"},
		{"retention.max_age:", c.Retention.MaxAge != 0},
		{"retention.max_total_size:", c.Retention.MaxTotalSize != 0},
		{"retention.min_free:", c.Retention.MinFree != 0},
		{"OnRotate:", c.OnRotate != nil},
	} {
		if s.set {
			set = append(set, s.what)
		}
	}
	return set
}

// strftime finds what other programs put the time for.
var strftime = regexp.MustCompile(`%[YymdHMSj]`)

// Validate reports everything that is wrong with c, without touching the disk.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("mode", c.Mode, "append", "truncate"),
		exporters.OneOf("format", c.Format, formats...),
		exporters.OneOf("rotation.naming", c.Rotation.Naming, "timestamp", "numbered"),
	}
	if c.Rotation.Compression != "" {
		errs = append(errs, exporters.OneOf("rotation.compression", c.Rotation.Compression, "none", "gzip", "zstd"))
	}
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch base := filepath.Base(c.Path); {
	case c.Path == "":
		fail("path: is empty: name the file to write")
	case strings.ContainsRune(c.Path, 0):
		fail("path: %q holds a NUL byte", c.Path)
	case strftime.MatchString(c.Path):
		fail("path: %q holds %s, which is not expanded: name the live file, and have rotation.schedule put the time into the names of backups", c.Path, strftime.FindString(c.Path))
	case base == "." || base == ".." || base == string(filepath.Separator) || strings.HasSuffix(c.Path, "/"):
		fail("path: %q names a directory: add a file name", c.Path)
	default:
		errs = append(errs, c.Rotation.validateName(base))
	}
	for _, f := range c.Include {
		if _, err := encode.ParseField(string(f)); err != nil {
			fail("include: %w", err)
		}
	}
	if c.Template != "" {
		if len(c.Include) > 0 {
			fail("include: the template says what lines show: write {%s} there", c.Include[0])
		}
		if _, err := encode.New(c.Format, encode.Options{Template: c.Template}); err != nil && slices.Contains(formats, c.Format) {
			errs = append(errs, err)
		}
	}
	if c.Shared && c.Mode == "truncate" {
		fail("mode: truncate would take away what other processes have written: leave it out, or shared")
	}
	if c.Shared && !c.Reopen {
		fail("reopen: must stay true in a shared file, which other processes rotate")
	}
	if c.Sync < SyncBatch {
		fail("sync: want never, batch or a time, have %d", c.Sync)
	}
	if c.Rotation.MaxSize < 0 {
		fail("rotation.max_size: want 0 or more, have %d", c.Rotation.MaxSize)
	}
	if _, err := c.Rotation.schedule(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.Retention.validate())
	if c.Rotation.MaxSize == 0 && c.Rotation.Schedule == "" {
		for _, without := range c.needRotation() {
			fail("%s has no effect without rotation: add rotation.max_size or rotation.schedule", without)
		}
	}
	if c.OnRotate != nil && c.Rotation.Naming == "numbered" {
		fail("rotation.naming: numbered names change while OnRotate works on a backup: use timestamp")
	}
	if c.Permissions&0o600 != 0o600 {
		fail("permissions: %s must let the owner read and write (0600)", c.Permissions)
	}
	if c.DirectoryPermissions&0o700 != 0o700 {
		fail("directory_permissions: %s must let the owner read, write and enter (0700)", c.DirectoryPermissions)
	}
	return errors.Join(errs...)
}

// FileMode is a file's permission bits, in configuration an octal number:
// 0640.
type FileMode fs.FileMode

// String returns the octal form with its leading 0.
func (m FileMode) String() string { return fmt.Sprintf("0%03o", uint32(m)) }

// MarshalText implements [encoding.TextMarshaler].
func (m FileMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *FileMode) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || v > 0o777 {
		return fmt.Errorf("file mode %q: want three octal digits like 0640", text)
	}
	*m = FileMode(v)
	return nil
}
