package disk

import "os"

// IsFull reports whether err says that the disk, the quota or the largest
// possible file is full: conditions that end by themselves and leave open files
// usable.
func IsFull(err error) bool { return isFull(err) }

// IsTooLarge reports whether err, which IsFull is true of, says that one file
// may not grow any more (setrlimit(2), RLIMIT_FSIZE, or the file system's
// bound): another one may.
func IsTooLarge(err error) bool { return isTooLarge(err) }

func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
