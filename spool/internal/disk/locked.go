package disk

import (
	"errors"
	"io/fs"
	"os"
)

// Locked reports whether somebody holds the [Dir.Lock] of a file. It makes and
// changes nothing. For the moment that it takes, a Lock may fail as if somebody
// held it.
func (d *Dir) Locked(name string) (locked bool, err error) {
	err = d.within(name, func(root *os.Root, base string) error {
		f, err := openRegular(root, base, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // which lets go
		if err := tryShare(f); !errors.Is(err, ErrLocked) {
			return err
		}
		locked = true
		return nil
	})
	return locked, err
}
