package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// processLock keeps the processes that share a live file apart: flock(2) on a
// file beside it, .NAME.lock for writing and .NAME.keeper for the work in the
// background, which is never deleted and lies in the same
// directory, so that whoever reaches one reaches the other. The kernel gives it
// free when its holder dies.
type processLock struct {
	path          string
	perm, dirPerm FileMode
	f             *os.File // nil when not open
	info          os.FileInfo
	flock         func(*os.File) (bool, error)
	// allowed refuses a directory that has become another.
	allowed func() error
}

func newProcessLock(c Config, name string, allowed func() error) *processLock {
	dir, base := filepath.Split(c.Path)
	return &processLock{
		path: dir + "." + base + "." + name, perm: c.Permissions, dirPerm: c.DirectoryPermissions,
		flock: tryFlock, allowed: allowed,
	}
}

const (
	// A lock is held for some microseconds as a rule.
	minLockPause = 20 * time.Microsecond
	maxLockPause = 2 * time.Millisecond
)

// lock waits for the lock, or for ctx to end. Waiting in the kernel would be
// fairer, and would outlive ctx.
func (l *processLock) lock(ctx context.Context) error {
	pause := minLockPause
	var timer *time.Timer
	for {
		ok, err := l.try()
		if ok || err != nil {
			return err
		}
		if timer == nil {
			timer = time.NewTimer(pause)
			defer timer.Stop()
		} else {
			timer.Reset(pause)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("file: another process holds %q: %w", l.path, context.Cause(ctx))
		case <-timer.C:
		}
		pause = min(2*pause, maxLockPause)
	}
}

// try takes the lock if it is free.
func (l *processLock) try() (bool, error) {
	for range 3 {
		if err := l.open(); err != nil {
			return false, err
		}
		ok, err := l.flock(l.f)
		if err != nil {
			err = fmt.Errorf("file: shared: %q cannot be locked; use a directory of a local file system, or a file for each process: %w", l.path, err)
			return false, errors.Join(err, l.close())
		}
		if !ok {
			return false, nil
		}
		// Somebody may have removed the directory: a lock on a file that
		// others do not find keeps nobody out.
		if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
			return true, nil
		}
		if err := l.close(); err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("file: shared: %q is replaced again and again", l.path)
}

func (l *processLock) open() error {
	if l.f != nil {
		return nil
	}
	if err := l.allowed(); err != nil {
		return err
	}
	f, info, err := openRegular(l.path, l.perm, l.dirPerm)
	if err != nil {
		return err
	}
	l.f, l.info = f, info
	return nil
}

// unlock gives the lock free.
func (l *processLock) unlock() {
	if l.f != nil && unflock(l.f) != nil {
		_ = l.close() // gives it free, too
	}
}

// close gives the lock and its descriptor free.
func (l *processLock) close() error {
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f, l.info = nil, nil
	if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

// enter makes this process the only one that touches the live file and its
// backups, until leave. The turn is held.
func (e *Exporter) enter(ctx context.Context) error {
	if e.lock == nil {
		return nil
	}
	return e.lock.lock(ctx)
}

func (e *Exporter) leave() {
	if e.lock != nil {
		e.lock.unlock()
	}
}

// exclude makes the caller the only one, of this process and of others, that
// touches the live file and its backups, until it calls include.
func (e *Exporter) exclude(ctx context.Context) error {
	if err := e.turn.Lock(ctx); err != nil {
		return fmt.Errorf("file: a write is blocked: %w", err)
	}
	if err := e.enter(ctx); err != nil {
		e.unlock()
		return err
	}
	return nil
}

func (e *Exporter) include() {
	e.leave()
	e.unlock()
}

// lead takes the lock, if it is free, until release.
func (l *processLock) lead() (release func(), ok bool, err error) {
	if ok, err = l.try(); !ok || err != nil {
		return nil, false, errors.Join(err, l.close())
	}
	return func() { _ = l.close() }, true, nil
}
