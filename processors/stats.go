package processors

import "time"

// Causes of dropped records, as ExporterStats.Dropped counts them.
const (
	CauseQueueFull = "queue_full" // the on_full policy dropped it
	CauseRejected  = "rejected"   // the far side refused it
	CausePermanent = "permanent"  // the exporter will never take it
	CausePoison    = "poison"     // the exporter will never take this one record
	CauseError     = "error"      // a synchronous export failed
	CausePanic     = "panic"      // the exporter panicked, or ended the goroutine
	CauseShutdown  = "shutdown"   // it came after shutdown, or shutdown's deadline passed
	CauseSpoolFull = "spool_full" // the on_full policy of a queue on disk dropped it
	CauseDamaged   = "damaged"    // it could not be read back from disk
)

// ExporterStats are the books of one exporter's branch. They balance at any
// moment: Accepted = Delivered + the sum of Dropped + Spooled + Queued +
// InFlight.
//
// Where the exporter stands behind a queue on disk, the row tells of both: what
// the branch gave to the queue is Spooled until the exporter took it. A queue
// that several branches share has a row of its own, named spool; to each of its
// branches a record that it took counts as delivered.
type ExporterStats struct {
	// Name is the exporter's name in configuration and metrics.
	Name string
	// Processor and Exporter are the Go types of the branch and of what it
	// writes to: "processors.Batch", "file.Exporter".
	Processor, Exporter string
	// Accepted counts the records that the branch took charge of. With a queue
	// on disk these include the Recovered ones, and the notices that were put
	// into that queue.
	Accepted uint64
	// Recovered counts the records that an earlier process had left on disk.
	Recovered uint64
	// Delivered counts the records that the exporter took.
	Delivered uint64
	// Dropped counts lost records by cause; nil when there are none.
	Dropped map[string]uint64
	// Spooled counts the records that wait on disk, SpooledBytes is what that
	// queue takes there, SpoolCapacity the most it may take.
	Spooled                     uint64
	SpooledBytes, SpoolCapacity int64
	// Queued counts the records that wait in memory, InFlight those handed to
	// the exporter or held by it.
	Queued, InFlight uint64
	// QueuedBytes estimates the memory of queued and in-flight records.
	QueuedBytes int64
	// QueueCapacity is the most records that may wait; 0 without a queue.
	QueueCapacity uint64
	// Detoured counts the records that, of several exporters in a failover,
	// another one than the first took, Switches how often records began to go
	// to another one.
	Detoured, Switches uint64
	// Writes counts the calls of the exporter that have returned, WriteTime is
	// how long they took altogether.
	Writes    uint64
	WriteTime time.Duration
	// Failures counts failed writes, retried ones included; LastError is the
	// latest one's text, empty when the latest write succeeded. Those from a
	// queue on disk to its exporter count like the branch's own.
	Failures  uint64
	LastError string
	// FailingSince is the time of the first failure after the latest write
	// that succeeded, zero when that was the latest write of all.
	FailingSince time.Time
	// LastDrop is when a record was last dropped, zero when none was. It may be
	// up to 10 s too late.
	LastDrop time.Time
	// LastDropError is the text of the error for which the branch last dropped
	// a record; empty when none was dropped but by a policy or at shutdown.
	LastDropError string
}

// DroppedTotal returns the sum over all causes.
func (s ExporterStats) DroppedTotal() uint64 {
	var n uint64
	for _, v := range s.Dropped {
		n += v
	}
	return n
}

// Causes for which steps stop records, as StepStats.Stopped counts them. Besides,
// [CausePanic]: a step that is yours, or the Func of one, panicked over the
// record, or logs into the pipeline that calls it at every record.
const (
	CauseFiltered    = "filtered"     // a filter did not let it pass
	CauseDuplicate   = "duplicate"    // it repeats one that passed
	CauseRateLimited = "rate_limited" // there were too many
	CauseSampled     = "sampled"      // it is not part of the sample
	CauseForgotten   = "forgotten"    // it was held, and nothing asked for it
)

// StepStats are the books of a step that stops, holds, adds or changes
// records.
type StepStats struct {
	// Name is the step's name in configuration and metrics; for a step of yours
	// that keeps no books, its type.
	Name string
	// Stopped counts, by cause, the records that the step did not let pass,
	// and never will; nil when there are none.
	Stopped map[string]uint64
	// Held counts the records that the step keeps and may yet let pass,
	// HeldBytes estimates their memory.
	Held      uint64
	HeldBytes int64
	// Released counts the records that the step had held and let pass later.
	Released uint64
	// Refused counts the triggers of a flight recorder that let nothing out,
	// because there had been too many.
	Refused uint64
	// Added counts the records that the step made itself, and handed on:
	// summaries. Where Shutdown had no time for them, what they would have told
	// is in Stopped alone.
	Added uint64
	// Changed counts the records that the step changed.
	Changed uint64
}

// StoppedTotal returns the sum over all causes.
func (s StepStats) StoppedTotal() uint64 {
	var n uint64
	for _, v := range s.Stopped {
		n += v
	}
	return n
}

// Stats are the pipeline's books.
type Stats struct {
	// Filtered counts the records that the pipeline itself refused: below
	// their logger's level, or of a trace that is not sampled. Records whose
	// level was pruned before they were built are not counted.
	Filtered uint64
	// Feedback counts the records that were stopped because they came out of
	// an exporter of the pipeline itself, or from OpenTelemetry's error handler
	// while that was told of the pipeline's troubles.
	Feedback uint64
	// Steps holds a row for each step that keeps books, and for each of yours,
	// in the order of configuration, those of a route's rules included.
	Steps []StepStats
	// Exporters holds a row for each branch, in the order of configuration.
	Exporters []ExporterStats
}
