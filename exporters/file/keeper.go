package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// A backup whose compression or hook failed is tried again after
	// firstRetry, then twice that, up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// maxMoves is how often a backup may move away under the keeper's hands
	// before it pauses.
	maxMoves = 10
)

// keeper does in the background what no write waits for: it compresses
// backups, hands them to Config.OnRotate, and removes what a crash has left of
// that. Its goroutine lives only while there is something to do. What is not
// done when the process ends is done after the next start: what remains to do
// follows from the files alone.
type keeper struct {
	cfg   Config
	dir   string
	names naming
	// lock is held while backups are renamed or deleted. unlock gives it back.
	lock   func(context.Context) error
	unlock func()
	// lead makes this process the one that keeps the file's backups, until
	// release, or says that another one does.
	lead  func() (release func(), ok bool, err error)
	prune func()
	stats *counters
	// encoder compresses what is written to it; nil leaves backups plain.
	encoder encoder
	hooked  journal

	ctx    context.Context // of the work; ends when close gives up
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	due    bool          // something has come up since the look under way
	done   chan struct{} // closed when the goroutine under way ends; nil without one
	timer  *time.Timer   // wakes for the next retry
	ended  func()        // called once closed, when no goroutine is left

	retries []retry // by the goroutine only
}

// retry says when a backup is tried again. Its file tells it: numbers shift.
type retry struct {
	file  os.FileInfo
	at    time.Time
	delay time.Duration
}

// tempPath is where the keeper writes what it later moves to its place.
func tempPath(dir, base string) string { return filepath.Join(dir, "."+base+".tmp") }

func newKeeper(c Config, names naming, stats *counters) *keeper {
	dir, base := filepath.Split(c.Path)
	k := &keeper{
		cfg:     c,
		dir:     filepath.Clean(dir),
		names:   names,
		lead:    func() (func(), bool, error) { return func() {}, true, nil },
		stats:   stats,
		encoder: encoders[c.Rotation.Compression],
	}
	k.hooked = journal{path: filepath.Join(k.dir, "."+base+".hooked"), temp: k.temp(), perm: c.Permissions}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

func (k *keeper) temp() string { return tempPath(k.dir, filepath.Base(k.cfg.Path)) }

// hasWork reports whether backups are more than kept.
func (k *keeper) hasWork() bool { return k.encoder != nil || k.cfg.OnRotate != nil }

// opened has the keeper do what an earlier process left undone.
func (k *keeper) opened() {
	if _, err := os.Lstat(k.temp()); err == nil || k.hasWork() {
		k.wake()
	}
}

// rotated tells that there is a new backup.
func (k *keeper) rotated() {
	if k.hasWork() {
		k.wake()
	}
}

// wake has the keeper look for work. It does not wait for anything.
func (k *keeper) wake() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.due = true
	if k.done == nil {
		k.done = make(chan struct{})
		go k.run()
	}
}

// run looks for work until there is none that can be done now.
func (k *keeper) run() {
	for {
		k.mu.Lock()
		k.due = false
		k.mu.Unlock()
		wait := k.pass()
		k.mu.Lock()
		if k.due && k.ctx.Err() == nil {
			k.mu.Unlock()
			continue
		}
		done := k.done
		k.done = nil
		if wait > 0 && !k.closed {
			if k.timer != nil {
				k.timer.Stop()
			}
			k.timer = time.AfterFunc(wait, k.wake)
		}
		ended := k.takeEnded()
		k.mu.Unlock()
		ended()
		close(done)
		return
	}
}

// close lets the work under way end, without retries, and breaks it off when
// ctx ends. A hook that does not heed its context may then still run.
func (k *keeper) close(ctx context.Context) error {
	k.mu.Lock()
	k.closed = true
	if k.timer != nil {
		k.timer.Stop()
	}
	done, ended := k.done, k.takeEnded()
	k.mu.Unlock()
	ended()
	defer k.cancel()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("file: the compression or hook of a backup is broken off, the next start makes up for it: %w", context.Cause(ctx))
	}
}

// whenEnded calls f once the keeper is closed and idle.
func (k *keeper) whenEnded(f func()) {
	k.mu.Lock()
	k.ended = f
	ended := k.takeEnded()
	k.mu.Unlock()
	ended()
}

// takeEnded returns what is to be called now, without the mutex.
func (k *keeper) takeEnded() func() {
	f := k.ended
	if f == nil || !k.closed || k.done != nil {
		return func() {}
	}
	k.ended = nil
	return f
}

// pass does all that can be done now. It returns how long to wait for what
// cannot; 0 when nothing is left.
func (k *keeper) pass() time.Duration {
	release, ok, err := k.lead()
	if err != nil || !ok {
		// Whoever leads may have looked before the backup came that this
		// process knows of.
		return firstRetry
	}
	defer release()
	if err := k.sweep(); err != nil {
		// Nothing can be compressed then, but hooks need only the backups.
		k.stats.compressionFailures.Add(1)
	}
	for moves := 0; k.ctx.Err() == nil; {
		own, err := k.list()
		if err != nil {
			return firstRetry
		}
		k.hooked.load()
		wait, attended, moved := k.attendTo(own)
		if !attended {
			return wait
		}
		if moved {
			// Renames, or a file system that does not tell files apart.
			if moves++; moves >= maxMoves {
				return firstRetry
			}
		}
	}
	return 0
}

// list returns the backups there are, newest first. It holds the lock: while
// names shift, reading a directory may miss some.
func (k *keeper) list() ([]backup, error) {
	if err := k.lock(k.ctx); err != nil {
		return nil, err
	}
	defer k.unlock()
	return listBackups(k.dir, k.names)
}

// sweep removes what a crash has left half done.
func (k *keeper) sweep() error {
	info, err := os.Lstat(k.temp())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = wantRegular(k.temp(), info.Mode())
	}
	if err == nil {
		err = os.Remove(k.temp())
	}
	return err
}

// attendTo does what can be done now for own, sorted newest first, the oldest
// first: one listing has to do for many, or a full directory would be read for
// each of its files. When nothing could be, wait is how long it takes until
// something can, 0 when nothing is left. It ends as soon as own no longer
// describes what there is: moved.
func (k *keeper) attendTo(own []backup) (wait time.Duration, attended, moved bool) {
	var due []retry
	for i := len(own) - 1; i >= 0 && k.ctx.Err() == nil; i-- {
		if !k.wantsCompression(own[i]) && !k.wantsHook(own[i]) {
			continue
		}
		r := k.retry(own[i].files[0].info)
		left := time.Until(r.at)
		if left <= 0 {
			if attended = true; !k.attend(&own[i], own) {
				return 0, true, true
			}
			continue
		}
		due = append(due, r)
		if wait == 0 || left < wait {
			wait = left
		}
	}
	if !attended {
		k.retries = due // what else there was is done or gone
	}
	return wait, attended, false
}

// wantsCompression reports whether b is to be compressed. What a hook was given
// is not changed any more.
func (k *keeper) wantsCompression(b backup) bool {
	return k.encoder != nil && b.plain() && (k.cfg.OnRotate == nil || k.wantsHook(b))
}

func (k *keeper) wantsHook(b backup) bool {
	return k.cfg.OnRotate != nil && !k.hooked.has(b.files[0])
}

// dispensable returns which of backups may be deleted: not those that the hook
// has yet to see.
func (k *keeper) dispensable(backups []backup) []backup {
	if k.cfg.OnRotate == nil || len(backups) == 0 {
		return backups
	}
	k.hooked.load()
	return slices.DeleteFunc(backups, k.wantsHook)
}

// attend compresses b, one of own, and gives it to the hook, as far as that is
// wanted and works. It reports whether b was still there.
func (k *keeper) attend(b *backup, own []backup) bool {
	final, failed := b.files[0], false
	if k.wantsCompression(*b) {
		compressed, err := k.compress(*b)
		switch {
		case k.ctx.Err() != nil || errors.Is(err, errMoved):
			// A deleted one is not noted: its inode may be the next backup's.
			return false
		case err != nil:
			// The hook gets the plain file: it may be what makes room on a
			// full disk.
			k.stats.compressionFailures.Add(1)
			failed = true
		default:
			k.stats.compressed.Add(1)
			final = compressed
			b.files = []backupFile{final}
		}
	}
	if k.cfg.OnRotate != nil {
		if info, err := os.Lstat(final.path); err != nil || !os.SameFile(info, final.info) {
			return false
		}
		if err := k.callHook(final); err != nil {
			k.stats.hookFailures.Add(1)
			failed = true
		} else {
			k.stats.hooked.Add(1)
			failed = false
			k.hooked.add(final, own)
			if k.lock(k.ctx) == nil {
				k.prune()
				k.unlock()
			}
		}
	}
	if failed {
		k.postpone(final.info)
	}
	return true
}

// retry returns what is noted for a file; a zero retry is due.
func (k *keeper) retry(file os.FileInfo) retry {
	i := slices.IndexFunc(k.retries, func(r retry) bool { return os.SameFile(r.file, file) })
	if i < 0 {
		return retry{file: file}
	}
	return k.retries[i]
}

// postpone notes that file is to be tried again, each time later.
func (k *keeper) postpone(file os.FileInfo) {
	r := k.retry(file)
	r.delay = min(max(2*r.delay, firstRetry), lastRetry)
	r.at = time.Now().Add(r.delay)
	k.retries = append(slices.DeleteFunc(k.retries, func(o retry) bool { return os.SameFile(o.file, file) }), r)
}

// find returns what b is now: numbered names shift.
func (k *keeper) find(b backup) (backup, error) {
	if !slices.ContainsFunc(b.files, func(f backupFile) bool {
		info, err := os.Lstat(f.path)
		return err != nil || !os.SameFile(info, f.info)
	}) {
		return b, nil
	}
	own, err := listBackups(k.dir, k.names)
	if err != nil {
		return backup{}, err
	}
	i := slices.IndexFunc(own, func(o backup) bool { return os.SameFile(o.files[0].info, b.files[0].info) })
	if i < 0 {
		return backup{}, errMoved
	}
	return own[i], nil
}
