package processors

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// foreign is code that a user gave: a step, or the Func of one of ours. A panic
// stays away from the code that logs, and so does an overflow of the stack, if
// the code logs into the pipeline that calls it. The record goes no further
// then, and is counted: the code may have been there to redact it.
type foreign struct {
	name     string
	underWay atomic.Int64
	lost     atomic.Uint64
}

func (f *foreign) call(do func()) (err error) {
	if !f.enter() {
		return fmt.Errorf("processors: %s logs into the pipeline that calls it: the record was dropped", f.name)
	}
	returned := false
	defer func() {
		f.leave()
		if returned {
			return
		}
		f.lost.Add(1)
		err = fmt.Errorf("processors: %s panicked (%s): the record was dropped", f.name, panicText(recover()))
	}()
	do()
	returned = true
	return nil
}

// count enters what the code has lost into the books of its step.
func (f *foreign) count(s *StepStats) {
	n := f.lost.Load()
	if n == 0 {
		return
	}
	if s.Stopped == nil {
		s.Stopped = make(map[string]uint64)
	}
	s.Stopped[CausePanic] += n
}

// maxEmits is how deep log calls may stand within each other: code that logs
// about some of its records ends by itself, code that logs about each does not.
const maxEmits = 8

// enter reports false, and counts the record as lost, where the code is part of
// a recursion without end. The stack is looked at only while many calls are
// under way.
func (f *foreign) enter() bool {
	if f.underWay.Add(1) > maxEmits && emits() > maxEmits {
		f.leave()
		f.lost.Add(1)
		return false
	}
	return true
}

func (f *foreign) leave() { f.underWay.Add(-1) }

// emitCode is where the code of a log call lies. (A value from the start would
// be a cycle: the code leads here.)
var emitCode struct {
	sync.Once
	extent
}

// emits counts the log calls that stand within each other on this goroutine's
// stack, as far as some hundred frames lie between two.
func emits() (n int) {
	emitCode.Do(func() { emitCode.extent = extentOf((*Pipeline).emit) })
	var pcs [4096]uintptr
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		if emitCode.holds(pc) {
			n++
		}
	}
	return n
}
