package file

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// naming is the policy of what backups are called. vacate is called by one
// goroutine at a time.
type naming interface {
	// parse reports whether base is the name of an uncompressed backup, and
	// its rank: the newer of two backups has the higher one.
	parse(base string) (rank int64, ok bool)
	// vacate returns a path for the live file to move to, of which neither
	// the plain nor a compressed form exists.
	// own are the backups there are, newest first; vacate may move them, in an
	// order that loses none if the process dies in between.
	vacate(own []backup, now time.Time) (path string, err error)
}

func newNaming(name, path string) naming {
	dir, base := filepath.Split(path)
	if name == "numbered" {
		return numbered{dir: dir, base: base}
	}
	ext := filepath.Ext(base)
	return &timestamped{dir: dir, stem: strings.TrimSuffix(base, ext), ext: ext}
}

// maxName is how long a file's name may be, in bytes, on all common file
// systems; some count characters, which are not more.
const maxName = 255

// validateName refuses a live file whose backups would have names that are too
// long: no rotation could succeed, and nothing be written any more.
func (r Rotation) validateName(base string) error {
	if r.MaxSize <= 0 && r.Schedule == "" {
		return nil
	}
	longest := "-" + timeLayout
	if r.Naming == "numbered" {
		longest = "." + strconv.Itoa(math.MaxInt32)
	}
	// Compressed forms of a name are looked for even without compression.
	longest += extensions[len(extensions)-1]
	if over := len(base) + len(longest) - maxName; over > 0 {
		return fmt.Errorf("path: the name is %d bytes too long: it has %d, those of backups up to %d more, and %d is the end",
			over, len(base), len(longest), maxName)
	}
	return nil
}

// numbered names backups BASE.1, BASE.2 and so on; 1 is the newest.
type numbered struct{ dir, base string }

func (n numbered) parse(base string) (int64, bool) {
	digits, ok := strings.CutPrefix(base, n.base+".")
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	number, err := strconv.ParseInt(digits, 10, 32)
	return -number, err == nil
}

func (n numbered) path(number int) string { return n.dir + n.base + "." + strconv.Itoa(number) }

// vacate shifts the backups up to the first gap by one, the highest first, so
// that no rename ever meets an existing file. Numbers that something foreign
// occupies (a directory, a symbolic link) are passed over.
func (n numbered) vacate(own []backup, _ time.Time) (string, error) {
	mine := make(map[string]backup, len(own))
	for _, b := range own {
		mine[n.path(int(-b.rank))] = b
	}
	var chain []string
	for number := 1; ; number++ {
		p := n.path(number)
		b, ok := mine[p]
		if !ok {
			free, err := isFree(p)
			if err != nil {
				return "", err
			}
			if !free {
				continue
			}
			chain = append(chain, p)
			break
		}
		foreign, err := occupied(p, b)
		if err != nil {
			return "", err
		}
		if !foreign {
			chain = append(chain, p)
		}
	}
	for i := len(chain) - 1; i > 0; i-- {
		b := mine[chain[i-1]]
		// Two files cannot move at once, and a crash in between would count
		// them twice. A copy beside the plain one is left over from a crash.
		for _, copied := range b.files[1:] {
			if err := os.Remove(copied.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
		if err := os.Rename(b.path(), chain[i]+b.files[0].ext); err != nil {
			return "", err
		}
	}
	return chain[0], nil
}

// occupied reports whether a form of path exists that is not one of b's files.
func occupied(path string, b backup) (bool, error) {
	for _, ext := range append([]string{""}, extensions...) {
		if slices.ContainsFunc(b.files, func(f backupFile) bool { return f.ext == ext }) {
			continue
		}
		switch _, err := os.Lstat(path + ext); {
		case err == nil:
			return true, nil
		case !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	return false, nil
}

// timestamped names backups STEM-TIME.EXT after the time of rotation.
type timestamped struct {
	dir, stem, ext string
	last           int64 // rank of the latest name given
}

const timeLayout = "2006-01-02T15-04-05.000Z"

// lastYear is the last that timeLayout has digits for. Names of that year are
// nobody's.
const lastYear = 9999

func (t *timestamped) parse(base string) (int64, bool) {
	s, ok := strings.CutPrefix(base, t.stem+"-")
	if !ok {
		return 0, false
	}
	s, ok = strings.CutSuffix(s, t.ext)
	if !ok {
		return 0, false
	}
	at, err := time.Parse(timeLayout, s)
	if err != nil || at.Format(timeLayout) != s {
		return 0, false
	}
	// What comes after the last year would have no name of this form, and
	// never be deleted.
	if at.Year() >= lastYear {
		return 0, false
	}
	return at.UnixMilli(), true
}

func (t *timestamped) path(rank int64) string {
	return t.dir + t.stem + "-" + time.UnixMilli(rank).UTC().Format(timeLayout) + t.ext
}

// vacate never gives a name twice nor one older than a backup's, even when
// two rotations share a millisecond or the clock runs backwards: order by name
// is what retention and readers go by.
func (t *timestamped) vacate(own []backup, now time.Time) (string, error) {
	rank := max(now.UnixMilli(), t.last+1)
	if len(own) > 0 {
		rank = max(rank, own[0].rank+1)
	}
	for ; ; rank++ {
		p := t.path(rank)
		free, err := isFree(p)
		if err != nil {
			return "", err
		}
		if free {
			t.last = rank
			return p, nil
		}
	}
}
