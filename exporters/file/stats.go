package file

import "sync/atomic"

// Stats count what an Exporter has done since New.
type Stats struct {
	// Bytes counts those of whole records written.
	Bytes uint64
	// Rotations counts the live files that became backups, Pruned the backups
	// deleted, PruneFailures the failed attempts to find or delete some.
	Rotations, Pruned, PruneFailures uint64
	// Compressed counts the backups compressed, CompressionFailures the
	// attempts that failed; they are repeated.
	Compressed, CompressionFailures uint64
	// Hooked counts the calls of Config.OnRotate that succeeded, HookFailures
	// those that failed; they are repeated.
	Hooked, HookFailures uint64
	// TornTails counts the files found to end within a line.
	TornTails uint64
	// RotationFailures counts the attempts to rotate that failed; records went
	// on into the live file.
	RotationFailures uint64
	// Reopens counts the files that were given up because the path named
	// another one, or none.
	Reopens uint64
	// SyncFailures counts the failed fsyncs, Unsynced the records written since
	// the last good one at that time: a power cut may lose them.
	SyncFailures, Unsynced uint64
}

type counters struct {
	bytes, rotations, pruned, pruneFailures, tornTails    atomic.Uint64
	compressed, compressionFailures, hooked, hookFailures atomic.Uint64
	rotationFailures, reopens, syncFailures, unsynced     atomic.Uint64
}

// Stats returns the counts so far. It never waits for a write.
func (e *Exporter) Stats() Stats {
	return Stats{
		Bytes:               e.stats.bytes.Load(),
		Rotations:           e.stats.rotations.Load(),
		Pruned:              e.stats.pruned.Load(),
		PruneFailures:       e.stats.pruneFailures.Load(),
		Compressed:          e.stats.compressed.Load(),
		CompressionFailures: e.stats.compressionFailures.Load(),
		Hooked:              e.stats.hooked.Load(),
		HookFailures:        e.stats.hookFailures.Load(),
		TornTails:           e.stats.tornTails.Load(),
		RotationFailures:    e.stats.rotationFailures.Load(),
		Reopens:             e.stats.reopens.Load(),
		SyncFailures:        e.stats.syncFailures.Load(),
		Unsynced:            e.stats.unsynced.Load(),
	}
}
