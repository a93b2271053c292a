package disktest

import (
	"fmt"
	"math"
	"syscall"
)

// Op is a kind of operation.
type Op uint8

// The kinds of operations. Read includes Size.
const (
	Open Op = iota
	Create
	Read
	Write
	Truncate
	Sync
	Close
	Rename
	Remove
	Mkdir
	ReadDir
	SyncDir
	Lock
)

var opNames = [...]string{"open", "create", "read", "write", "truncate", "sync", "close", "rename", "remove", "mkdir", "readdir", "syncdir", "lock"}

// String returns the operation's name.
func (o Op) String() string {
	if int(o) >= len(opNames) {
		return fmt.Sprintf("Op(%d)", int(o))
	}
	return opNames[o]
}

const unlimited = math.MaxInt64

type faults struct {
	capacity int64
	broken   map[Op]error
	due      map[Op]failure
}

type failure struct {
	in  int
	err error
}

// Fail has the n-th operation of a kind from now on fail with err, once.
func (d *Disk) Fail(op Op, n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.due[op] = failure{n, err}
}

// Break has every operation of these kinds fail with err until [Disk.Mend].
func (d *Disk) Break(err error, ops ...Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range ops {
		d.faults.broken[op] = err
	}
}

// ReadOnly refuses every change, as a file system does in which the kernel has
// found an error, until [Disk.Mend].
func (d *Disk) ReadOnly() {
	d.Break(syscall.EROFS, Create, Write, Truncate, Sync, Rename, Remove, Mkdir, SyncDir, Lock)
}

// Dead has every operation fail with EIO, as a disk does that is gone, until
// [Disk.Mend].
func (d *Disk) Dead() {
	d.Break(syscall.EIO, Open, Create, Read, Write, Truncate, Sync, Rename, Remove, Mkdir, ReadDir, SyncDir, Lock)
}

// NoDescriptors lets no file be opened until [Disk.Mend].
func (d *Disk) NoDescriptors() { d.Break(syscall.EMFILE, Open, Create, ReadDir, SyncDir, Lock) }

// Fill leaves room for so many bytes more until [Disk.Mend].
func (d *Disk) Fill(left int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.capacity = d.root.size() + left
}

// Mend ends all faults.
func (d *Disk) Mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.faults.broken)
	clear(d.faults.due)
	d.faults.capacity = unlimited
}

// free is how many bytes files may still grow.
func (d *Disk) free() int64 {
	if d.faults.capacity == unlimited {
		return unlimited
	}
	return d.faults.capacity - d.root.size()
}

func (f *faults) check(op Op) error {
	if due, ok := f.due[op]; ok {
		if due.in--; due.in > 0 {
			f.due[op] = due
		} else {
			delete(f.due, op)
			return due.err
		}
	}
	return f.broken[op]
}
