package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// median returns the median of f over the rounds; NaN without any.
func median(rounds []result, f func(result) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return middle(values)
}

// ratio returns the median over the rounds of f(a)/f(b), each taken from two
// neighbouring runs; NaN when one of them did not run.
func ratio(a, b []result, f func(result) float64) float64 {
	values := make([]float64, min(len(a), len(b)))
	for i := range values {
		values[i] = f(a[i]) / f(b[i])
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func ns(r result) float64     { return r.NS }
func allocs(r result) float64 { return r.Allocs }
func cpu(r result) float64    { return r.CPU }
func p50(r result) float64    { return r.P50 }
func p99(r result) float64    { return r.P99 }
func p999(r result) float64   { return r.P999 }
func share(r result) float64  { return r.Delivered }
func rss(r result) float64    { return float64(r.RSS) }
func bytesEach(r result) float64 {
	return r.Bytes
}

// rate counts the records that arrived, not those that were sent. It needs the
// flood's size.
func rate(records int) func(result) float64 {
	return func(r result) float64 { return r.Delivered * float64(records) / r.Seconds }
}

// sharedRate counts the records of one file that arrived.
func sharedRate(r result) float64 { return r.Delivered * float64(r.Sent) / r.Seconds }

func largest(r result) float64 { return float64(r.Largest) / (1 << 20) }

// row is a line of the table.
type row [7]string

var header = row{"measurement", "contestant", "figure", "allocs", "× SDK", "× zap", "also"}

// rows lays out one group.
func rows(g group, rs map[string][]result) []row {
	var out []row
	for _, name := range g.contestants {
		runs := rs[name]
		figure, sdk, zap, also, alloc := ns, baseSDK, baseZap, "", ""
		switch g.job.Kind {
		case kindFlood:
			figure, sdk = rate(g.job.Records), baseSDKSimple
			also = floodDetails(runs)
		case kindShared:
			figure = sharedRate
			also = sharedDetails(runs, rs[unshared1])
		case kindOTLP:
			figure, sdk = sentPerCPU(g.job.Records), stockOTLPFlushed
			also = otlpDetails(runs, g.job.Records)
		case kindQueue:
			figure, sdk = queueRate, collectorQueue
		case kindAppend:
			figure = megabytes
			also = appendDetails(name, rs)
		case kindBacklog:
			figure, also = drainRate, backlogDetails(runs)
		case kindStall:
			figure = p999
			also = fmt.Sprintf("p50 %s, p99 %s, %s delivered", number(median(runs, p50)), number(median(runs, p99)), percent(runs))
		case kindEncode:
			zap = encodeZap
			also = fmt.Sprintf("%.0f bytes", median(runs, bytesEach))
		}
		switch g.job.Kind {
		case kindCall, kindWith, kindDisabled, kindEncode, kindStep:
			alloc = fmt.Sprintf("%.2f", median(runs, allocs))
		}
		out = append(out, row{g.title, name, number(median(runs, figure)), alloc,
			times(ratio(runs, rs[sdk], figure)), times(ratio(runs, rs[zap], figure)), also})
	}
	return out
}

func floodDetails(runs []result) string {
	s := fmt.Sprintf("%s delivered, %.2f CPU s, %.0f MiB, %.0f bytes a line",
		percent(runs), median(runs, cpu), median(runs, rss)/(1<<20), median(runs, bytesEach))
	duplicates := 0
	for _, r := range runs {
		duplicates += r.Duplicates
	}
	if duplicates > 0 {
		s += fmt.Sprintf(", %d duplicates", duplicates)
	}
	return s
}

func sharedDetails(runs, unshared []result) string {
	s := fmt.Sprintf("%s delivered", percent(runs))
	if f := ratio(runs, unshared, sharedRate); !math.IsNaN(f) {
		s += fmt.Sprintf(", %.2f × not shared", f)
	}
	s += fmt.Sprintf(", %.2f CPU s", median(runs, cpu))
	duplicates, broken := 0, 0
	for _, r := range runs {
		duplicates += r.Duplicates
		broken += r.Broken
	}
	if duplicates+broken > 0 {
		s += fmt.Sprintf(", %d duplicates, %d broken lines", duplicates, broken)
	}
	return s
}

func percent(runs []result) string {
	p := fmt.Sprintf("%.1f %%", 100*median(runs, share))
	if p == "100.0 %" && median(runs, share) < 1 {
		return "< 100 %" // a single lost record must show
	}
	return strings.Replace(p, "100.0", "100", 1)
}

func number(f float64) string {
	switch {
	case math.IsNaN(f):
		return ""
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func times(f float64) string {
	if math.IsNaN(f) {
		return ""
	}
	return fmt.Sprintf("%.2f", f)
}

// printTable writes a Markdown table with aligned columns.
func printTable(w io.Writer, table []row) {
	var width [len(row{})]int
	for _, r := range append([]row{header}, table...) {
		for i, cell := range r {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	line := func(r row) {
		for i, cell := range r {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i >= 2 && i <= 5 {
				cell = pad + cell
			} else {
				cell += pad
			}
			fmt.Fprintf(w, "| %s ", cell)
		}
		fmt.Fprintln(w, "|")
	}
	line(header)
	var rule row
	for i := range rule {
		rule[i] = strings.Repeat("-", width[i])
		if i >= 2 && i <= 5 {
			rule[i] = rule[i][1:] + ":"
		}
	}
	line(rule)
	last := ""
	for _, r := range table {
		if r[0] == last {
			r[0] = ""
		} else {
			last = r[0]
		}
		line(r)
	}
}
