// Package disk is what a disk queue needs of a file system: an interface
// narrow enough that a stand-in can model what a power cut leaves, and the
// directory of a real one.
package disk

import (
	"errors"
	"io"
)

// ErrLocked says that somebody else holds a lock.
var ErrLocked = errors.New("another process holds the lock")

// FS is one directory and what lies below it. Names are relative to it and have
// slashes on every system; "." is the directory itself. Its methods are safe
// for concurrent use, and a name that is missing or taken gives an error that
// [errors.Is] tells as [io/fs.ErrNotExist] and [io/fs.ErrExist].
//
// What was written, and which names a directory has, may vanish in a power cut
// until [File.Sync] and SyncDir have returned.
type FS interface {
	// Open opens a regular file for reading. Whatever else has that name, a
	// symbolic link for instance, is an error.
	Open(name string) (File, error)
	// Create makes a new file for reading and writing, readable by owner and
	// group. A name that is taken is an error, whatever it names.
	Create(name string) (File, error)
	// Rename replaces what is called to in one step; both files may be open.
	Rename(from, to string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// Mkdir makes a directory for owner and group.
	Mkdir(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]Entry, error)
	// SyncFile makes what a regular file holds last, whoever has written it.
	SyncFile(name string) error
	// SyncDir makes the names in a directory last. It does nothing where the
	// system cannot or need not.
	SyncDir(name string) error
	// Lock locks a file, which it makes when missing, against every other
	// Lock, also of this process. It does not wait: [ErrLocked]. The lock ends
	// with the process.
	Lock(name string) (Lock, error)
	// Free returns how many bytes may still be written, or an error that is
	// [errors.ErrUnsupported] where nobody can tell.
	Free() (int64, error)
}

// File is an open file. Its methods may be called at the same time.
type File interface {
	io.ReaderAt
	// WriteAt writes all of p or returns an error and how much it has written.
	io.WriterAt
	// Sync makes what was written last. A Sync that fails may have lost what
	// was written before it, and the next one does not tell: nobody may try it
	// again (https://wiki.postgresql.org/wiki/Fsync_Errors).
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Linked reports whether the file still has a name; true where nobody can
	// tell. What is written to one that was removed is lost with its closing,
	// and no error says so.
	Linked() bool
	io.Closer
}

// Sparse is a [File] that knows where its holes are.
type Sparse interface {
	// NextData returns off, or if there is a hole, where that ends; [io.EOF] if
	// nothing follows. It may find none where there are some.
	NextData(off int64) (int64, error)
}

// Lock is a lock that is held.
type Lock interface {
	// Linked is that of the file. Without its name, another process may get the
	// lock.
	Linked() bool
	// Unlock gives it free, and removes its file before if remove is set.
	Unlock(remove bool) error
}

// Entry is what a directory holds under a name.
type Entry struct {
	Name string
	// Regular and Dir tell what it is; links, devices and so on are neither.
	Regular, Dir bool
	// Size is that of a regular file, in bytes.
	Size int64
}
