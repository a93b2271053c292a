package main

import (
	"fmt"
	"io"
	"math"
)

// target is a bound that the project sets itself. NaN means that the run did
// not measure it.
type target struct {
	text    string
	got     float64
	limit   float64
	atLeast bool
}

func (t target) met() bool {
	if t.atLeast {
		return t.got >= t.limit
	}
	return t.got <= t.limit
}

// targets compares what was measured with the bounds.
func targets(o options, gs []group, rs results) []target {
	title := func(kind string, goroutines int, sink string) map[string][]result {
		for _, g := range gs {
			if g.job.Kind == kind && g.job.Goroutines == goroutines && g.job.Sink == sink {
				return rs[g.title]
			}
		}
		return nil
	}
	call, disabled := title(kindCall, 1, ""), title(kindDisabled, 1, "")
	flood1, flood8 := title(kindFlood, 1, ""), title(kindFlood, 8, "")
	encoding, step := title(kindEncode, 1, ""), title(kindStep, 1, "")
	free, stalled := title(kindStall, 0, sinkFree), title(kindStall, 0, sinkStalled)
	spooled, queues := title(kindStall, 0, sinkSpooled), title(kindQueue, 8, "")
	written, onDisk := title(kindAppend, 0, lazily), title(kindAppend, 0, safely)
	forwarded, decoded := title(kindBacklog, 0, sinkForwards), title(kindBacklog, 0, sinkDecoded)
	shared := title(kindShared, 0, "")
	http, gzip, grpc := title(kindOTLP, 1, overHTTP), title(kindOTLP, 1, overHTTPGzip), title(kindOTLP, 1, overGRPC)
	records, sent := rate(o.records), sentPerCPU(otlpRecords(o))
	// What a batch or a rotation allocates, spread over its records, is not
	// an allocation a call.
	const slack = 0.02
	return []target{
		{"call against SDK batch, discard", ratio(call[sluiceDirect], call[baseSDK], ns), 0.40, false},
		{"call against zap, lumberjack", ratio(call[sluiceDirect], call[baseZap], ns), 0.60, false},
		{"call against zerolog, lumberjack", ratio(call[sluiceDirect], call[zerologFile], ns), 1, false},
		{"call against phuslu file", ratio(call[sluiceDirect], call[phusluFileName], ns), 1, false},
		{"allocations a call", median(call[sluiceDirect], allocs), slack, false},
		{"call through otelslog and the SDK against SDK batch, discard", ratio(call[sluiceSDK], call[baseSDK], ns), 0.80, false},
		{"call through the bridge, otelslog and the SDK against SDK batch, discard", ratio(call[sluiceTail], call[baseSDK], ns), 0.80, false},
		{"allocations through the SDK beyond SDK batch's", median(call[sluiceSDK], allocs) - median(call[baseSDK], allocs), slack, false},
		{"disabled call against slog's", ratio(disabled[sluiceDirect], disabled[slogFile], ns), 2, false},
		{"encoding against zap's", ratio(encoding[encodeSluice], encoding[encodeZap], ns), 1, false},
		{"call, secrets redacted, routed to 2 files, against SDK batch, discard", ratio(call[sluiceDefault], call[baseSDK], ns), 0.65, false},
		{"route with 1,000 rules against 1", ratio(step[routeName(1000)], step[routeName(1)], ns), 1.5, false},
		{"redact, all presets, against encoding", ratio(step[redactAll], step[encodeText], ns), 2, false},
		{"redact, all presets: allocations", median(step[redactAll], allocs), slack, false},
		{"flight recorder: holding against enqueueing", ratio(step[hold], step[enqueue], ns), 1.5, false},
		{"flight recorder: holding, 1,000 traces, against enqueueing", ratio(step[holdTraces], step[enqueueTraces], ns), 1.5, false},
		{"flood, 1 goroutine: delivered exactly once", exactlyOnce(flood1[sluiceDirect]), 1, true},
		{"flood, 8 goroutines: delivered exactly once", exactlyOnce(flood8[sluiceDirect]), 1, true},
		{"flood through the SDK, 8 goroutines: delivered exactly once", exactlyOnce(flood8[sluiceSDK]), 1, true},
		{"flood, 1 goroutine: rate against zap, lumberjack", ratio(flood1[sluiceDirect], flood1[baseZap], records), 1, true},
		{"flood, 1 goroutine: rate against zap buffered", ratio(flood1[sluiceDirect], flood1[zapBuffered], records), 1, true},
		{"flood, 8 goroutines: rate against zap buffered", ratio(flood8[sluiceDirect], flood8[zapBuffered], records), 1, true},
		{"flood, 8 goroutines: CPU time against zap buffered", ratio(flood8[sluiceDirect], flood8[zapBuffered], cpu), 1, false},
		{"flood, 1 goroutine: rate against SDK simple, stdoutlog", ratio(flood1[sluiceDirect], flood1[baseSDKSimple], records), 8, true},
		{"p99.9 of a call, sink stalled against free", ratio(stalled[sluiceDirect], free[sluiceDirect], p999), 3, false},
		{"p50 of a call, disk queue against none", ratio(spooled[sluiceDirect], free[sluiceDirect], p50), 1.2, false},
		{"8 processes, shared: delivered exactly once", exactlyOnce(shared[shared8]), 1, true},
		{"8 processes, shared: MiB of the largest file", median(shared[shared8], largest), sharedFileSize, false},
		{"8 processes, shared: rate against 1 that does not share", ratio(shared[shared8], shared[unshared1], sharedRate), 0.70, true},
		{"8 processes, shared: rate against a lock for each line", ratio(shared[shared8], shared[locked8], sharedRate), 20, true},
		{"1 process, shared: rate against not shared", ratio(shared[shared1], shared[unshared1], sharedRate), 0.85, true},
		{"OTLP/HTTP: delivered exactly once", exactlyOnce(http[sluiceOTLP]), 1, true},
		{"OTLP/HTTP, disk queue: delivered exactly once", exactlyOnce(http[sluiceSpooled]), 1, true},
		{"OTLP/HTTP, gzip: delivered exactly once", exactlyOnce(gzip[sluiceOTLP]), 1, true},
		{"OTLP/gRPC: delivered exactly once", exactlyOnce(grpc[sluiceOTLP]), 1, true},
		{"OTLP/HTTP: records a CPU second against the stock exporter", ratio(http[sluiceOTLP], http[stockOTLPFlushed], sent), 2, true},
		{"OTLP/HTTP, gzip: records a CPU second against the stock exporter", ratio(gzip[sluiceOTLP], gzip[stockOTLPFlushed], sent), 2, true},
		{"OTLP/gRPC: records a CPU second against the stock exporter", ratio(grpc[sluiceOTLP], grpc[stockOTLPFlushed], sent), 2, true},
		{"appending, never: MB/s against write(2)", ratio(written[appendNever], written[rawWrite], megabytes), 0.7, true},
		{"appending, every 200ms: MB/s against write(2), synced as often", ratio(written[appendInterval], written[rawInterval], megabytes), 0.7, true},
		{"appending, always: time against write(2) and fdatasync", ratio(onDisk[appendAlways], onDisk[rawSync], slowness), 1.3, false},
		{"appending, always, 8 at once: time against write(2) and fdatasync", ratio(onDisk[appendGroup], onDisk[rawSync], slowness), 1.3, false},
		{"disk queue, never: records/s against the Collector's, filled by OTLP/HTTP",
			ratio(queues[spoolNever], queues[collectorQueueHTTP], queueRate), 5, true},
		{"disk queue, every 200ms: records/s against the Collector's, filled by OTLP/HTTP",
			ratio(queues[spoolInterval], queues[collectorQueueHTTP], queueRate), 5, true},
		{"backlog: delivered exactly once", exactlyOnce(forwarded[spoolInterval]), 1, true},
		{"backlog, decoded: delivered exactly once", exactlyOnce(decoded[spoolInterval]), 1, true},
		{"backlog: drained against filled", median(forwarded[spoolInterval], drainShare), 1, true},
		{"backlog: seconds until its first record", median(forwarded[spoolInterval], opening), 1, false},
		{"backlog: MiB of memory until then", median(forwarded[spoolInterval], rss) / (1 << 20), 64, false},
	}
}

// exactlyOnce returns the smallest share that a round delivered, 0 if any
// record arrived twice or broken.
func exactlyOnce(rounds []result) float64 {
	if len(rounds) == 0 {
		return math.NaN()
	}
	worst := 1.0
	for _, r := range rounds {
		worst = min(worst, r.Delivered)
		if r.Duplicates > 0 || r.Broken > 0 {
			return 0
		}
	}
	return worst
}

func printTargets(w io.Writer, ts []target) {
	for _, t := range ts {
		if math.IsNaN(t.got) {
			continue
		}
		verdict, sign := "met   ", "at most"
		if !t.met() {
			verdict = "MISSED"
		}
		if t.atLeast {
			sign = "at least"
		}
		fmt.Fprintf(w, "%s  %s: %.2f, %s %.2f\n", verdict, t.text, t.got, sign, t.limit)
	}
}
