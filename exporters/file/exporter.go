// Package file writes records to a file that rotates.
//
// A batch is encoded into one buffer and written with one write(2) a file, so
// a process that is killed loses nothing that Write has acknowledged, and
// tears at most the last line; that one is repaired when the file is next
// opened. What survives a power cut is up to Config.Sync.
//
// One exporter owns its file: a second one on the same path in this process is
// an error. Several processes write to one file when all of them set
// Config.Shared; else they need a file each.
//
// Before each batch the exporter looks whether its path still names the open
// file, so logrotate, a rename and a removal need no signal. What goes wrong
// beside the writing of records, a rotation or an fsync for instance, is
// counted, and returned by Write beside the number of all records.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

const (
	// maxBuffer bounds the buffer that is kept between writes.
	maxBuffer = 1 << 20
	// maxGroup bounds a line that holds several records (otlp_json): readers
	// cut lines at 1 MiB.
	maxGroup = 1 << 20
)

// Exporter writes records to a rotating file. Its methods are safe for
// concurrent use; writes come one after the other.
//
// When the disk is full, records written in part are taken back, and Write
// returns an error that is worth another try: delivery goes on where it
// stopped as soon as there is room.
type Exporter struct {
	cfg     Config // Path is absolute
	dir     string
	enc     encode.Encoder
	batch   encode.BatchEncoder // nil when the format has a line for each record
	limits  limits
	names   naming
	pruner  pruner
	keeper  *keeper
	claim   *claim
	now     func() time.Time
	write   func(*os.File, []byte) (int, error)
	fsync   func(*os.File) error
	adapter exporters.Adapter
	stats   counters
	closed  atomic.Bool

	turn exporters.Turn // guards what follows
	live live
	lock *processLock // nil unless shared
	// retryRotation is when rotation is tried again after it failed.
	retryRotation time.Time
	records       uint64 // written
	synced        uint64 // of them on the disk, or given up
	syncTimer     *time.Timer
	syncDue       bool  // the timer runs
	untold        error // what went wrong beside the writing of records
	opened        bool  // the file was open before: truncate has been done
	closeErr      error
	released      bool // what follows the last close is under way, or done
	buf           []byte
	units         []unit
}

// unit is the smallest part of the buffer that is written or not: a line.
type unit struct {
	end  int // offset in the buffer
	recs int // records up to here
}

var (
	_ exporters.Sink        = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
	_ exporters.Reopener    = (*Exporter)(nil)
)

// New returns an Exporter and, unless c.Delay is set, opens its file. The path
// is the exporter's own until Shutdown.
func New(c Config) (*Exporter, error) { return newExporter(c, time.Now) }

func newExporter(c Config, now func() time.Time) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	// What links lead to the directory is settled here: see sameDirectory.
	c.Path = filepath.Join(resolve(filepath.Dir(path)), filepath.Base(path))
	if path = c.Path; c.Shared && c.Include == nil && c.Template == "" {
		c.Include = []encode.Field{encode.FieldService, encode.FieldPID}
	}
	enc, err := encode.New(c.Format, encode.Options{Include: c.Include, Template: c.Template})
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	schedule, err := c.Rotation.schedule()
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	made := time.Now()
	e := &Exporter{
		cfg:    c,
		dir:    filepath.Dir(path),
		enc:    enc,
		limits: limits{maxSize: int64(c.Rotation.MaxSize), schedule: schedule},
		names:  newNaming(c.Rotation.Naming, path),
		pruner: pruner{
			retention: c.Retention,
			dir:       filepath.Dir(path),
			now:       now,
			uptime:    func() time.Duration { return time.Since(made) },
			free:      freeBytes,
		},
		now:   now,
		write: (*os.File).Write,
		fsync: (*os.File).Sync,
		turn:  exporters.NewTurn(),
	}
	e.keeper = newKeeper(c, e.names, &e.stats)
	e.keeper.lock, e.keeper.unlock, e.keeper.prune = e.exclude, e.include, e.prune
	e.batch, _ = enc.(encode.BatchEncoder)
	var reserved naming
	if e.limits.rotate() {
		reserved = e.names
	}
	if e.claim, err = claimPath(path, reserved); err != nil {
		return nil, err
	}
	if c.Shared {
		e.lock = newProcessLock(c, "lock", e.sameDirectory)
		e.keeper.lead = newProcessLock(c, "keeper", e.sameDirectory).lead
	}
	if !c.Delay {
		if err := e.start(); err != nil {
			e.closed.Store(true)
			e.release()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return nil, errors.Join(err, e.keeper.close(ctx))
		}
	}
	return e, nil
}

// startPatience is how long New waits for other processes; the first Write
// opens the file when they take longer.
const startPatience = time.Second

func (e *Exporter) start() error {
	if e.lock != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startPatience)
		defer cancel()
		switch err := e.enter(ctx); {
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		defer e.leave()
		if err := lockable(e.dir); err != nil {
			return err
		}
	}
	return e.open()
}

// Write implements [exporters.Sink]. A ctx that is done before the write
// begins ends it; write(2) itself cannot be interrupted.
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (n int, err error) {
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("file: %w", err)
	}
	if err := e.turn.Lock(ctx); err != nil {
		return 0, fmt.Errorf("file: another write is blocked: %w", err)
	}
	defer e.unlock()
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	if len(recs) == 0 {
		return 0, nil
	}
	e.encode(recs)
	if err := e.enter(ctx); err != nil {
		return 0, err
	}
	n, err = e.writeUnits()
	e.leave()
	e.tell(e.wrote(recs[:n]))
	if err != nil && e.live.f == nil && e.lock != nil {
		e.tell(e.lock.close()) // the file system may have to be repaired
	}
	err = e.told(err)
	if cap(e.buf) > maxBuffer {
		e.buf, e.units = nil, nil
	}
	return n, err
}

// encode fills the buffer.
func (e *Exporter) encode(recs []record.Record) {
	e.buf, e.units = e.buf[:0], e.units[:0]
	if e.batch != nil {
		e.encodeGroup(recs, 0)
		return
	}
	for i := range recs {
		e.buf = e.enc.Append(e.buf, &recs[i])
		e.units = append(e.units, unit{len(e.buf), i + 1})
	}
}

// encodeGroup appends recs as one line, or as several when that is too long.
// before counts the records in the buffer already.
func (e *Exporter) encodeGroup(recs []record.Record, before int) {
	start := len(e.buf)
	e.buf = e.batch.AppendBatch(e.buf, recs)
	if size := int64(len(e.buf) - start); len(recs) > 1 && size > min(maxGroup, e.limits.room(0)) {
		e.buf = e.buf[:start]
		half := len(recs) / 2
		e.encodeGroup(recs[:half], before)
		e.encodeGroup(recs[half:], before+half)
		return
	}
	e.units = append(e.units, unit{len(e.buf), before + len(recs)})
}

// writeUnits writes the buffer, one write for each file it goes to, and
// returns how many records were written.
func (e *Exporter) writeUnits() (n int, err error) {
	start, units := 0, e.units // what is left to write
	if err := e.look(); err != nil {
		return 0, err
	}
	for rewrites := 0; len(units) > 0; {
		if err := e.ready(); err != nil {
			return n, err
		}
		fit := e.fitting(start, units)
		if fit == 0 || e.due() {
			if e.tryRotate() {
				continue
			}
			if err := e.ready(); err != nil {
				return n, err
			}
			if fit == 0 {
				fit = len(units)
			}
		}
		kept, err := e.append(e.buf[start:units[fit-1].end], func(written int) int {
			if k := unitsWithin(units, start+written); k > 0 {
				return units[k-1].end - start
			}
			return 0
		})
		if e.removed() && rewrites < maxRewrites {
			rewrites++
			e.stats.reopens.Add(1)
			e.tell(errors.Join(err, e.abandon()))
			continue
		}
		if k := unitsWithin(units, start+kept); k > 0 {
			e.records += uint64(units[k-1].recs - n)
			n, units = units[k-1].recs, units[k:]
		}
		if err != nil {
			return n, err
		}
		start += kept
	}
	return n, nil
}

// fitting returns how many of units, which begin at start, go into the live
// file as it is. An empty file takes a unit of any size.
func (e *Exporter) fitting(start int, units []unit) int {
	room := e.limits.room(e.live.size)
	if int64(units[len(units)-1].end-start) <= room {
		return len(units)
	}
	k := unitsWithin(units, start+int(max(room, 0)))
	if k == 0 && e.live.size == 0 {
		return 1
	}
	return k
}

// unitsWithin returns how many of units end within the first n bytes of the
// buffer.
func unitsWithin(units []unit, n int) int {
	return sort.Search(len(units), func(i int) bool { return units[i].end > n })
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]. Write keeps nothing back, so it only
// waits for the writes under way, and syncs the file if it is ever synced.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	if e.closed.Load() {
		return nil
	}
	if err := e.turn.Lock(ctx); err != nil {
		return fmt.Errorf("file: a write is blocked: %w", err)
	}
	defer e.unlock()
	return e.told(e.sync())
}

// Shutdown implements [exporters.Sink]: it waits for the write under way,
// closes the file, lets the backups be compressed and handed to OnRotate that
// there are, and gives the path free. If ctx ends first, the blocked write does
// that when it returns, and backups are left to the next start.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.closed.Swap(true) {
		return nil
	}
	if err := e.turn.Lock(ctx); err != nil {
		return errors.Join(fmt.Errorf("file: a write is blocked: %w", err), e.keeper.close(ctx))
	}
	e.release()
	err := e.closeErr
	e.turn.Unlock()
	return errors.Join(err, e.keeper.close(ctx))
}

// unlock passes the turn on, the file closed if the exporter is.
func (e *Exporter) unlock() {
	if e.closed.Load() {
		e.release()
	}
	e.turn.Unlock()
}

func (e *Exporter) release() {
	if e.syncTimer != nil {
		e.syncTimer.Stop()
	}
	e.closeErr = errors.Join(e.closeErr, e.told(e.close()))
	if e.released {
		return // by Shutdown, and now by who had the turn after it
	}
	e.released = true
	e.keeper.whenEnded(func() {
		if e.lock != nil {
			_ = e.lock.close() // nothing is written to it
		}
		e.claim.release()
	})
}

// tell keeps an error that concerns no record of the batch for the end of the
// Write, which returns it beside the number of all records.
func (e *Exporter) tell(err error) { e.untold = errors.Join(e.untold, err) }

// told returns err and what was kept by tell.
func (e *Exporter) told(err error) error {
	if e.untold != nil {
		err = errors.Join(err, e.untold)
		e.untold = nil
	}
	return err
}
