package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// maxRewrites bounds how often a batch is written again because the live file
// was removed meanwhile: a file that goes away every time is no accident.
const maxRewrites = 3

// look finds out, once a batch, what others have done to the live file: renamed,
// removed, replaced, truncated, written to. If the path names another file
// now, the open one is closed, and the next use opens that.
func (e *Exporter) look() error {
	l := &e.live
	if l.f == nil {
		return nil
	}
	var info os.FileInfo
	var err error
	if e.cfg.Reopen {
		info, err = os.Lstat(e.cfg.Path)
		switch {
		case errors.Is(err, fs.ErrPermission):
			return nil // the path cannot be looked at, but the file can be written to
		case err != nil || !os.SameFile(info, l.info):
			e.stats.reopens.Add(1)
			return e.close()
		}
	} else if info, err = l.f.Stat(); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	// What a failed write has left is known to this process only: another one
	// may have cut it off already.
	if size := info.Size(); size != l.size+l.excess || e.cfg.Shared && l.excess > 0 {
		begun := l.size == 0 || size < l.size
		l.size, l.excess, l.sound = size, 0, false
		if begun {
			// Others have, maybe in a later interval than this process saw.
			e.begin(info.ModTime())
		}
	}
	return nil
}

// removed reports whether the live file has no name any more: what was written
// to it is lost.
func (e *Exporter) removed() bool {
	if e.live.f == nil || !e.cfg.Reopen {
		return false
	}
	info, err := e.live.f.Stat()
	return err == nil && isUnlinked(info)
}

// sameDirectory refuses a directory that has become a symbolic link, or lies
// behind one, since the exporter was made: somebody could have the file written
// elsewhere. Links that were there then are followed once and for all.
func (e *Exporter) sameDirectory() error {
	if now := resolve(e.dir); now != e.dir {
		return fmt.Errorf("file: %q was a directory and leads through a symbolic link to %q now: put the directory back, or restart the program", e.dir, now)
	}
	return nil
}

// Reopen closes the live file if its path names another file now, or none, and
// opens what is there or makes it anew. Unless Config.Reopen is false every
// Write does that by itself; Reopen also lets go of the old file while nothing
// is logged. It waits for a write under way.
func (e *Exporter) Reopen() error {
	_ = e.turn.Lock(context.Background()) // which never ends
	defer e.unlock()
	if e.closed.Load() || e.live.f == nil {
		return nil
	}
	if info, err := os.Lstat(e.cfg.Path); err == nil && os.SameFile(info, e.live.info) {
		return nil
	}
	e.stats.reopens.Add(1)
	return errors.Join(e.close(), e.open())
}
