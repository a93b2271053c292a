// Package journal keeps encoded records in a directory until they are settled:
// one queue, with one writer and one reader, in segments of frames. It knows
// bytes, sequence numbers and severities, but no records. What it writes is
// described in spool/FORMAT.md.
//
// A queue is written by the process that has made it, and by no later one: what
// a process leaves behind is opened to be drained. So a sequence number never
// names two records, and a torn tail needs no repair, only a reader that goes
// past it.
//
// Locks are taken in this order: Reader.mu, ackMu, writeMu, syncMu, mu. Only mu
// guards memory alone and is never held during I/O.
package journal
