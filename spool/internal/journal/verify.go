package journal

import (
	"errors"
	"fmt"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Report is what [Verify] has found.
type Report struct {
	Stats
	// Records counts those that can be read, settled ones included that still
	// lie in a segment; RecordBytes is their length.
	Records     uint64
	RecordBytes int64
	// Problems says what is damaged, or none of the queue's.
	Problems []error
}

// Verify reads everything in a queue, whoever owns it. It takes no lock and
// repairs nothing. Of a queue in use it reads what is there when it begins, less
// what its owner settles or evicts meanwhile.
func Verify(fsys disk.FS, id string) (Report, error) {
	var report Report
	o := Options{FS: fsys, Report: func(err error) { report.Problems = append(report.Problems, err) }}
	j, err := open(o, id, true)
	if err != nil {
		return report, err
	}
	j.mu.Lock()
	acked := j.acked
	if len(j.segments) > 0 { // from the beginning, settled or not
		j.acked = min(acked, j.segments[0].first)
		j.reader.pos, j.reader.counted = j.acked, j.acked
	}
	j.mu.Unlock()
	var waiting uint64
	for {
		items, err := j.reader.Next(1<<10, chunk)
		if errors.Is(err, ErrUnfinished) {
			continue
		}
		if err != nil {
			return report, errors.Join(fmt.Errorf("journal: verify: %w", err), j.Close())
		}
		if len(items) == 0 {
			break
		}
		for i := range items {
			report.Records++
			report.RecordBytes += int64(len(items[i].Log))
			if items[i].Seq >= acked {
				waiting++
			}
		}
	}
	report.Stats = j.Stats()
	report.Acked, report.Waiting = acked, waiting
	return report, j.Close()
}
