// Package spool keeps records on disk until their destination has taken them:
// a [Spool] is a Sink in front of any Sink. A record whose Write has succeeded
// is delivered at least once, in order, however long the destination is away
// and whatever becomes of the process, or it is counted as dropped under a
// cause and told of.
//
// # What survives
//
// A Write that has returned survives the end of the process, kill -9 included,
// in every mode. What it survives of a power cut or a crash of the system is up
// to [Config].Sync:
//
//	always       all of it: Write returns when its records are on the disk
//	every 200ms  all but what was written within the last 200 ms
//	never        what the system has written back by itself, which takes up to
//	             about half a minute on Linux
//
// always costs a flush of the disk each Write (0.1 ms to 10 ms and more, by the
// disk); Writes at the same time share one. The others cost a write(2) into the
// system's memory. With the processor simple in front and always, a log call
// returns when its record is on the disk; with a batch in front, what waits in
// memory (schedule_delay) is lost with the process in every mode.
//
// For a disk that fails, always and every keep a copy of what was written until
// the flush after its own: what comes in 400 ms or so, at most 64 MiB. When the
// disk does not keep up, Write waits for it, so every loses no more than 32 MiB.
//
// Damaged files cost the damaged records, which are counted as damaged, and
// never keep a Spool from starting.
//
// # Delivery
//
// One goroutine delivers, up to 2048 records or 1 MiB at a time. What is worth
// another try is tried again without end, after pauses from 0 to a bound that
// doubles from 1 s to 30 s, or as long as the destination asks for. While it
// refuses every request, whatever stands in it (see [exporters.Misconfigured]: a
// wrong token or path), all records stay, and one request every 30 s finds out
// whether that is mended. OTLP wants no client to send such a request again; but
// a queue outlives the mistake, and often the process that made it.
//
// What the destination will never take (other permanent errors, poison errors, a
// record over which it panics) goes to the dead letters:
// DIRECTORY/dead-letter/QUEUE.jsonl, OTLP JSON lines with the attribute
// sluice.dead_letter.reason, at most a tenth of MaxSize, the older half of which
// then goes, and is told of. A letter of more than that, or of more than 64 MiB,
// is not kept. Nor is what a Spool itself tells the destination of drops.
//
// Each record carries the attribute log.record.uid, by which a receiver can tell
// one that came twice from two: after a crash, records may come again that were
// delivered shortly before.
//
// A [exporters.Holder] behind a Spool loses nothing either: what it still holds
// stays on disk.
//
// # Directory
//
// Each process has a queue of its own in the directory. Those whose processes
// have ended are taken over at the start and looked for every 30 s, the oldest
// first, and delivered before the own one: as many as fit into MaxSize, or else
// one after the other. The directory must be on a file system with working
// locks (flock), and belong to one destination: what a queue holds goes to
// whoever takes it over. The format is described in FORMAT.md.
package spool
