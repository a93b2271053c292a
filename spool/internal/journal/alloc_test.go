package journal

import "testing"

// Once it has grown to the batches' size, the way of a record allocates
// nothing; what a new segment costs is spread over its records.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, sync := range map[string]Sync{"never": Never, "always": Always} {
		t.Run(name, func(t *testing.T) {
			j := create(t, Options{FS: openDir(t), Sync: sync, SegmentSize: 1 << 30})
			o := origin("a")
			var b Batch
			store := func() {
				refill(t, &b, o)
				if _, err := j.Append(&b); err != nil {
					t.Fatal(err)
				}
			}
			settle := func() {
				items, err := j.Reader().Next(benchBatch, 1<<20)
				if err != nil || len(items) == 0 {
					t.Fatal(items, err)
				}
				if err := j.Ack(items[len(items)-1].Seq); err != nil {
					t.Fatal(err)
				}
			}
			for range 50 {
				store()
			}
			if n := testing.AllocsPerRun(50, store); n > 0 {
				t.Errorf("Append allocates %v times", n)
			}
			for range 10 {
				settle()
			}
			if n := testing.AllocsPerRun(50, settle); n > 0 {
				t.Errorf("Next and Ack allocate %v times", n)
			}
		})
	}
}
