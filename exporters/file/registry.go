package file

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// claims are the paths that exporters of this process write to. Two exporters
// on one file would cut and rotate each other's records away, so this is the
// one thing that exporters which know nothing of each other must share.
var claims struct {
	sync.Mutex
	held map[*claim]struct{}
}

// claim is one exporter's right to its live file and its backups' names.
type claim struct {
	dir, base string      // symbolic links of the directory resolved
	names     naming      // nil when the exporter never rotates
	info      os.FileInfo // the open live file; nil while there is none
}

func claimPath(path string, names naming) (*claim, error) {
	dir, base := filepath.Split(path)
	dir = resolve(filepath.Clean(dir))
	c := &claim{dir: dir, base: base, names: names}
	claims.Lock()
	defer claims.Unlock()
	for other := range claims.held {
		if other.dir != dir {
			continue
		}
		if other.base == base {
			return nil, fmt.Errorf("file: %q is already written by another exporter of this process: share that one, or use another path", path)
		}
		if other.isBackup(base) || c.isBackup(other.base) {
			return nil, fmt.Errorf("file: %q and %q: one is the name of the other's backups: use another path", base, other.base)
		}
	}
	if claims.held == nil {
		claims.held = make(map[*claim]struct{})
	}
	claims.held[c] = struct{}{}
	return c, nil
}

func (c *claim) isBackup(base string) bool {
	if c.names == nil {
		return false
	}
	if base == "."+c.base+".tmp" || base == "."+c.base+".hooked" {
		return true
	}
	_, _, ok := parseBackup(c.names, base)
	return ok
}

// opened refuses a file that another exporter has open under another name (a
// hard link, or a name that differs by case on a file system that ignores it).
func (c *claim) opened(path string, info os.FileInfo) error {
	claims.Lock()
	defer claims.Unlock()
	for other := range claims.held {
		if other != c && other.info != nil && os.SameFile(other.info, info) {
			return fmt.Errorf("file: %q is the file that another exporter writes as %q", path, filepath.Join(other.dir, other.base))
		}
	}
	c.info = info
	return nil
}

// closed tells that the live file is not open any more.
func (c *claim) closed() {
	claims.Lock()
	defer claims.Unlock()
	c.info = nil
}

func (c *claim) release() {
	claims.Lock()
	defer claims.Unlock()
	delete(claims.held, c)
}

// resolve follows the symbolic links of the part of dir that exists.
func resolve(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	parent, base := filepath.Split(dir)
	if parent = filepath.Clean(parent); parent == dir {
		return dir
	}
	return filepath.Join(resolve(parent), base)
}
