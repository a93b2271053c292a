package disktest

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sector is what a disk writes in one piece, mostly.
const sector = 512

// Crash cuts the power: all processes die, and d is what they may find after
// the next start.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.processes) > 0 {
		d.processes[0].die()
	}
	d.forget()
}

// Remount unmounts and mounts the file system after an error of which the kernel
// made it read-only, and so forgets what is not synced. It reports whether it
// could: nothing may be open. It does not end faults.
func (d *Disk) Remount() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open > 0 {
		return false
	}
	d.forget()
	return true
}

func (d *Disk) forget() {
	var stale []byte
	if len(d.graves) > 0 && d.rnd.IntN(4) == 0 {
		stale = d.graves[d.rnd.IntN(len(d.graves))]
		// A block that begins like a file of ours at the same place would be
		// taken for one that somebody has put there.
		stale = stale[min(len(stale), sector*(1+d.rnd.IntN(7))):]
	}
	d.root.forget(d.rnd, stale)
}

// forget makes of a directory and all below what is found after a power cut.
func (d *node) forget(rnd *rand.Rand, stale []byte) {
	keep := chance(rnd)
	names := maps.Clone(d.durableNames)
	for _, r := range d.renames {
		if rnd.Float64() < keep {
			r.apply(names)
		}
	}
	d.names = names
	d.syncNames()
	for _, base := range byAge(names) {
		n := names[base]
		if n.dir {
			n.forget(rnd, stale)
			continue
		}
		n.data = n.afterCrash(rnd, stale)
		n.durable, n.changes = slices.Clone(n.data), nil
	}
}

// chance is how likely each change has reached the medium: often nothing has,
// or all.
func chance(rnd *rand.Rand) float64 {
	switch rnd.IntN(3) {
	case 0:
		return 0
	case 1:
		return 1
	}
	return rnd.Float64()
}

// afterCrash returns what is left of a file. Each sector is as it was at some
// moment since the last sync, independently, or torn between two such; so is the
// size. Where nothing was written yet, there is what the medium held before.
func (n *node) afterCrash(rnd *rand.Rand, stale []byte) []byte {
	if len(n.changes) == 0 {
		return slices.Clone(n.durable)
	}
	when := n.moments(rnd)
	size := int64(len(n.durable))
	for _, c := range n.changes[:when()] {
		size = c.sizeAfter(size)
	}
	content := make([]byte, size)
	for at := int64(0); at < size; at += sector {
		part := content[at:min(at+sector, size)]
		n.sectorAt(part, at, when(), stale)
		if rnd.IntN(8) == 0 {
			other := make([]byte, len(part))
			n.sectorAt(other, at, when(), stale)
			copy(part, other[:rnd.IntN(len(other)+1)])
		}
	}
	return content
}

// moments returns how to draw one: after how many of the changes.
func (n *node) moments(rnd *rand.Rand) func() int {
	all := len(n.changes)
	switch rnd.IntN(4) {
	case 0: // in order, up to one moment
		at := rnd.IntN(all + 1)
		return func() int { return at }
	case 1: // all or nothing
		return func() int { return all * rnd.IntN(2) }
	case 2: // nearly all
		return func() int {
			if rnd.IntN(16) == 0 {
				return rnd.IntN(all + 1)
			}
			return all
		}
	}
	return func() int { return rnd.IntN(all + 1) }
}

func (c change) sizeAfter(size int64) int64 {
	if c.data == nil {
		return c.at
	}
	return max(size, c.at+int64(len(c.data)))
}

// sectorAt fills part with what stands at an offset after the first so many
// changes.
func (n *node) sectorAt(part []byte, at int64, changes int, stale []byte) {
	clear(part)
	if at < int64(len(stale)) {
		copy(part, stale[at:])
	}
	if at < int64(len(n.durable)) {
		copy(part, n.durable[at:])
	}
	for _, c := range n.changes[:changes] {
		switch {
		case c.data == nil:
			if c.at < at+int64(len(part)) {
				clear(part[max(0, c.at-at):])
			}
		case c.at >= at:
			if c.at < at+int64(len(part)) {
				copy(part[c.at-at:], c.data)
			}
		case at-c.at < int64(len(c.data)):
			copy(part, c.data[at-c.at:])
		}
	}
}
