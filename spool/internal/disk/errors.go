package disk

import "os"

// IsFull reports whether err says that the disk, the quota or the largest
// possible file is full: conditions that end by themselves and leave open files
// usable.
func IsFull(err error) bool { return isFull(err) }

func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
