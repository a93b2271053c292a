package processors

// Causes of dropped records, as ExporterStats.Dropped counts them.
const (
	CauseQueueFull = "queue_full" // the on_full policy dropped it
	CauseRejected  = "rejected"   // the far side refused it
	CausePermanent = "permanent"  // the exporter will never take it
	CausePoison    = "poison"     // the exporter will never take this one record
	CauseError     = "error"      // a synchronous export failed
	CausePanic     = "panic"      // the exporter panicked
	CauseShutdown  = "shutdown"   // it came after shutdown, or shutdown's deadline passed
)

// ExporterStats are the books of one exporter's branch. They balance at any
// moment: Accepted = Delivered + the sum of Dropped + Spooled + Queued +
// InFlight.
type ExporterStats struct {
	// Name is the exporter's name in configuration and metrics.
	Name string
	// Accepted counts the records that the branch took charge of.
	Accepted uint64
	// Delivered counts the records that the exporter took.
	Delivered uint64
	// Dropped counts lost records by cause; nil when there are none.
	Dropped map[string]uint64
	// Spooled counts the records that wait on disk.
	Spooled uint64
	// Queued counts the records that wait in memory, InFlight those handed to
	// the exporter or held by it.
	Queued, InFlight uint64
	// QueuedBytes estimates the memory of queued and in-flight records.
	QueuedBytes int64
	// Failures counts failed writes, retried ones included; LastError is the
	// latest one's text, empty when the latest write succeeded.
	Failures  uint64
	LastError string
}

// DroppedTotal returns the sum over all causes.
func (s ExporterStats) DroppedTotal() uint64 {
	var n uint64
	for _, v := range s.Dropped {
		n += v
	}
	return n
}

// Stats are the pipeline's books.
type Stats struct {
	// Filtered counts the records that were stopped before any exporter: by
	// their logger's level, because their trace is not sampled, or by a step.
	// Records whose level was pruned before they were built are not counted.
	Filtered uint64
	// Exporters holds a row for each branch, in the order of configuration.
	Exporters []ExporterStats
}
