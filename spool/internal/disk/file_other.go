//go:build !linux

package disk

import "os"

// file syncs as [os.File] does: with F_FULLFSYNC on macOS, FlushFileBuffers on
// Windows.
type file struct{ *os.File }

func newFile(f *os.File) (File, error) { return file{f}, nil }

// Linked implements [File].
func (f file) Linked() bool { return linked(f.File) }

// Size implements [File].
func (f file) Size() (int64, error) { return sizeOf(f.File) }
