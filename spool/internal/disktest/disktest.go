// Package disktest is a file system in memory that forgets what a real one may
// forget: what was written and not synced after a power cut, and what a sync
// that failed was for.
//
// A [Disk] has one or more processes, each a [disk.FS]. Processes can be killed,
// the power can be cut, and operations can be made to fail. Whatever is left to
// chance comes from the seed.
package disktest

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// ErrKilled is what a process gets from every operation after its death. Who
// ran in it is to be forgotten.
var ErrKilled = errors.New("disktest: this process was killed")

// Disk is a file system. Its methods are safe for concurrent use.
type Disk struct {
	mu        sync.Mutex
	rnd       *rand.Rand
	root      *node
	processes []*Process
	open      int // files
	faults    faults
	// graves hold what removed files held: blocks that new files are made of.
	graves [][]byte
	steps  int
	births int
}

// New returns an empty file system.
func New(seed uint64) *Disk {
	d := &Disk{
		rnd:    rand.New(rand.NewPCG(seed, 1)),
		faults: faults{capacity: unlimited, broken: make(map[Op]error), due: make(map[Op]failure)},
	}
	d.root = d.newDir()
	return d
}

// Process returns a new process on d.
func (d *Disk) Process() *Process {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &Process{d: d}
	d.processes = append(d.processes, p)
	return p
}

// OpenFiles returns how many files the processes have open or locked: with any,
// a file system cannot be unmounted.
func (d *Disk) OpenFiles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// Steps returns how many operations there were so far.
func (d *Disk) Steps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.steps
}

// Size returns how many bytes the files hold.
func (d *Disk) Size() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.size()
}

// ReadFile returns what a file holds, and no file nil.
func (d *Disk) ReadFile(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.lookup(name)
	if err != nil || n.dir {
		return nil
	}
	return slices.Clone(n.data)
}

// WriteFile has a file hold data, as if it had always done so; the directory it
// stands in, too.
func (d *Disk) WriteFile(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := d.root
	parts := strings.Split(name, "/")
	for i, part := range parts {
		n := dir.names[part]
		if n == nil {
			if n = d.newFile(); i < len(parts)-1 {
				n = d.newDir()
			}
			dir.link(part, n)
		}
		dir.syncNames()
		dir = n
	}
	dir.data, dir.durable, dir.changes = slices.Clone(data), slices.Clone(data), nil
}

// Files returns the names of all files, sorted.
func (d *Disk) Files() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	d.root.walk("", func(name string, n *node) {
		if !n.dir {
			names = append(names, name)
		}
	})
	return names
}

// lookup finds what has a name. mu is held, as in every method below.
func (d *Disk) lookup(name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	n := d.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		if n = n.names[part]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

// parent finds the directory in which a name stands.
func (d *Disk) parent(name string) (dir *node, base string, err error) {
	at, base := ".", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		at, base = name[:i], name[i+1:]
	}
	dir, err = d.lookup(at)
	if err == nil && !dir.dir {
		err = syscall.ENOTDIR
	}
	return dir, base, err
}

const maxGraves = 8

func (d *Disk) bury(n *node) {
	if len(n.data) > 0 {
		d.graves = append(d.graves, slices.Clone(n.data))
		d.graves = d.graves[max(0, len(d.graves)-maxGraves):]
	}
}

var _ disk.FS = (*Process)(nil)
