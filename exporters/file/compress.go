package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressions are the extensions of compressed backups.
var compressions = map[string]string{"gzip": ".gz", "zstd": ".zst"}

// encoder returns what compresses to w.
type encoder func(w io.Writer) (io.WriteCloser, error)

var encoders = map[string]encoder{
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"zstd": func(w io.Writer) (io.WriteCloser, error) {
		// One block at a time, in this goroutine: the program's own work goes
		// first.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	},
}

// errMoved means that a backup was shifted or deleted: look again.
var errMoved = errors.New("file: the backup has moved")

// compress replaces b's plain file by a compressed one, and returns that. The
// compressed file is whole and on the disk before it gets its name, and has it
// there before the plain one goes, so that a crash at any time leaves the plain
// file or a whole compressed one; if it leaves both, compress is called again.
func (k *keeper) compress(b backup) (backupFile, error) {
	ext := compressions[k.cfg.Rotation.Compression]
	src, err := os.OpenFile(b.path(), readFlags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return backupFile{}, errMoved
	}
	if err != nil {
		return backupFile{}, fmt.Errorf("file: compress: %w", err)
	}
	defer src.Close()
	info, err := src.Stat()
	if err == nil && !os.SameFile(info, b.files[0].info) {
		return backupFile{}, errMoved
	}
	if err == nil {
		err = k.writeCompressed(src, info)
	}
	if err != nil {
		return backupFile{}, fmt.Errorf("file: compress: %w", err)
	}
	file, err := k.exchange(src, info, b, ext)
	if err != nil {
		_ = os.Remove(k.temp())
		return backupFile{}, fmt.Errorf("file: compress: %w", err)
	}
	return file, nil
}

// writeCompressed writes what src holds, compressed, to the temporary file. It
// leaves no file when it fails.
func (k *keeper) writeCompressed(src *os.File, info os.FileInfo) (err error) {
	// Nobody may read the copy who may not read the original.
	perm := fs.FileMode(k.cfg.Permissions) & info.Mode().Perm()
	dst, err := os.OpenFile(k.temp(), os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, perm)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, dst.Close())
		if err == nil {
			// The time of the last record, as the plain file had it.
			err = os.Chtimes(k.temp(), time.Time{}, info.ModTime())
		}
		if err != nil {
			err = errors.Join(err, os.Remove(k.temp()))
		}
	}()
	enc, err := k.encoder(dst)
	if err != nil {
		return err
	}
	n, err := io.Copy(enc, interruptible{k.ctx, src})
	// The encoder is closed in any case: it may hold more than memory.
	if err = errors.Join(err, enc.Close()); err != nil {
		return err
	}
	if n != info.Size() {
		return fmt.Errorf("%q has changed", src.Name())
	}
	return dst.Sync()
}

// exchange puts the temporary file in the place of the plain backup src, which was
// b, by whatever name that goes now. It holds the lock for renames only: syncing a
// directory and freeing a large file's blocks take their time.
func (k *keeper) exchange(src *os.File, info os.FileInfo, b backup, ext string) (backupFile, error) {
	b, copied, err := k.placeCopy(src, info, b, ext)
	if err != nil {
		return backupFile{}, err
	}
	if err := syncDir(k.dir); err != nil {
		return backupFile{}, err
	}
	src.Close() // some systems rename and delete no open file
	file, err := k.setAside(b, copied)
	if err != nil {
		return backupFile{}, err
	}
	return file, os.Remove(k.temp())
}

// placeCopy moves the temporary file beside the backup src, which was b. It
// returns what b is then.
func (k *keeper) placeCopy(src *os.File, info os.FileInfo, b backup, ext string) (backup, os.FileInfo, error) {
	if err := k.lock(k.ctx); err != nil {
		return b, nil, err
	}
	defer k.unlock()
	b, err := k.find(b)
	if err != nil {
		return b, nil, err
	}
	if now, err := src.Stat(); err != nil || now.Size() != info.Size() {
		return b, nil, errors.Join(err, fmt.Errorf("%q has changed", b.path()))
	}
	copied := backupFile{path: b.path() + ext, ext: ext}
	if taken, err := occupied(b.path(), b); err != nil {
		return b, nil, err
	} else if taken {
		return b, nil, fmt.Errorf("something that is no regular file has a name of %q", copied.path)
	}
	if err := os.Rename(k.temp(), copied.path); err != nil {
		return b, nil, err
	}
	if copied.info, err = os.Lstat(copied.path); err != nil {
		return b, nil, err
	}
	others := slices.DeleteFunc(slices.Clone(b.files), func(f backupFile) bool { return f.ext == ext })
	return backup{b.rank, append(others, copied)}, copied.info, nil
}

// setAside leaves copied alone of the backup that was b: its plain file gets the
// temporary file's name.
func (k *keeper) setAside(b backup, copied os.FileInfo) (backupFile, error) {
	if err := k.lock(k.ctx); err != nil {
		return backupFile{}, err
	}
	defer k.unlock()
	b, err := k.find(b)
	if err != nil {
		return backupFile{}, errMoved // deleted
	}
	i := slices.IndexFunc(b.files, func(f backupFile) bool { return os.SameFile(f.info, copied) })
	if i < 0 {
		return backupFile{}, errMoved // its number has changed, and a shift takes the plain file only
	}
	for j, f := range b.files {
		if j == 0 || j == i {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return backupFile{}, err
		}
	}
	return b.files[i], os.Rename(b.path(), k.temp())
}

// interruptible ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.r.Read(p)
}
