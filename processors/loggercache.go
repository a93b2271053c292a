package processors

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of a loggerCache: 4096 loggers, whose names may be input. A name that
// is longer than any of a program's own is not worth its memory.
const (
	cacheSets     = 1024
	cacheWays     = 4
	maxCachedName = 256
)

// loggerCache keeps the decisions about a bounded number of loggers. It has
// sets of four, and a name's hash says which is its own. A new logger takes
// the place of one that was not asked for again since it came, so that names
// that come once do not drive out those in use, unless a set is full of these.
type loggerCache struct {
	seed  maphash.Seed
	table atomic.Pointer[loggerTable] // nil while it is empty
	mu    sync.Mutex                  // held to change the table
}

type loggerTable [cacheSets][cacheWays]atomic.Pointer[knownLogger]

type knownLogger struct {
	name  string
	again atomic.Bool // it was found since it, or a neighbour, last came in
	decisions
}

func newLoggerCache() loggerCache { return loggerCache{seed: maphash.MakeSeed()} }

func (c *loggerCache) set(t *loggerTable, name string) *[cacheWays]atomic.Pointer[knownLogger] {
	return &t[maphash.String(c.seed, name)%cacheSets]
}

// find returns what is kept about a logger; nil if nothing is.
func (c *loggerCache) find(name string) *decisions {
	t := c.table.Load()
	if t == nil {
		return nil
	}
	set := c.set(t, name)
	for i := range set {
		if l := set[i].Load(); l != nil && l.name == name {
			if !l.again.Load() { // others read it: written only when it changes
				l.again.Store(true)
			}
			return &l.decisions
		}
	}
	return nil
}

// add returns empty decisions about a logger, and keeps them.
func (c *loggerCache) add(name string) *decisions {
	if len(name) > maxCachedName {
		return &decisions{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.find(name); d != nil {
		return d // another goroutine was faster
	}
	t := c.table.Load()
	if t == nil {
		t = &loggerTable{}
		c.table.Store(t)
	}
	// The name may be part of something large.
	l := &knownLogger{name: strings.Clone(name)}
	set := c.set(t, name)
	place := -1
	for i := range set {
		known := set[i].Load()
		if known == nil {
			place = i
			break
		}
		if place < 0 && !known.again.Load() {
			place = i
		}
	}
	if place < 0 {
		for i := range set {
			set[i].Load().again.Store(false)
		}
		place = 0
	}
	set[place].Store(l)
	return &l.decisions
}

// clear forgets all loggers.
func (c *loggerCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.Store(nil)
}
