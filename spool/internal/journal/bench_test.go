package journal

import (
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

const (
	benchSize  = 300
	benchBatch = 256
	// benchBytes is what a batch takes on disk, its origin not counted.
	benchBytes = benchBatch * (frameHeaderSize + benchSize)
)

func benchRecords(b *testing.B, o *encode.OTLPOrigin) *Batch {
	var batch Batch
	refill(b, &batch, o)
	return &batch
}

var benchPayload = body(1, benchSize)

func refill(tb testing.TB, batch *Batch, o *encode.OTLPOrigin) {
	batch.Reset()
	for range benchBatch {
		if err := batch.Add(o, 9, false, func(dst []byte) []byte { return append(dst, benchPayload...) }); err != nil {
			tb.Fatal(err)
		}
	}
}

// emptied drops what was written before the disk is asked to keep it.
const emptyEvery = 512 << 20

// BenchmarkRawWrite is what Append is compared with: as many bytes, put together
// record for record in one buffer as encoders do it, written with one call for
// each batch to one file, and synced as often.
func BenchmarkRawWrite(b *testing.B) {
	for _, mode := range benchModes {
		b.Run(mode.name, func(b *testing.B) {
			dir, err := disk.OpenDir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			f, err := dir.Create("raw")
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			if mode.sync > 0 {
				defer syncEvery(b, f, time.Duration(mode.sync))()
			}
			b.SetBytes(benchBytes)
			var frames []byte
			const begin = firstFrame + 93 // no multiple of what copying likes
			at := int64(begin)
			for b.Loop() {
				frames = frames[:0]
				for range benchBatch {
					var header [frameHeaderSize]byte
					frames = append(append(frames, header[:]...), benchPayload...)
				}
				if _, err := f.WriteAt(frames, at); err != nil {
					b.Fatal(err)
				}
				if at += int64(len(frames)); at > emptyEvery {
					lastSync(b, mode.sync, f.Sync)
					b.StopTimer()
					if err := f.Truncate(0); err != nil {
						b.Fatal(err)
					}
					at = begin
					b.StartTimer()
				}
				if mode.sync == Always {
					if err := f.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
			lastSync(b, mode.sync, f.Sync)
		})
	}
}

var benchModes = []struct {
	name string
	sync Sync
}{{"never", Never}, {"every_200ms", Sync(200 * time.Millisecond)}, {"always", Always}}

// lastSync syncs what a sync in the background has not yet, so that both sides'
// time is that until everything is on the disk.
func lastSync(b *testing.B, mode Sync, sync func() error) {
	if mode <= 0 {
		return
	}
	b.StartTimer()
	if err := sync(); err != nil {
		b.Fatal(err)
	}
}

// syncEvery syncs f in the background until stop is called.
func syncEvery(b *testing.B, f disk.File, d time.Duration) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				if err := f.Sync(); err != nil {
					b.Error(err)
				}
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// BenchmarkAppend frames, checksums and writes payloads that are encoded
// already, and copied into the batch. It cuts files of [DefaultSegmentSize], and
// with a sync in the background keeps copies until that. MB/s are of what
// arrives on disk.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range benchModes {
		b.Run(mode.name, func(b *testing.B) {
			d := openDir(b)
			j := benchQueue(b, d, mode.sync)
			o := origin("a")
			batch := benchRecords(b, o)
			b.SetBytes(benchBytes)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				refill(b, batch, o)
				if _, err := j.Append(batch); err != nil {
					b.Fatal(err)
				}
				if n += batch.Bytes(); n > emptyEvery {
					lastSync(b, mode.sync, j.Sync)
					b.StopTimer()
					n = 0
					drop(b, d, j)
					j = benchQueue(b, d, mode.sync)
					b.StartTimer()
				}
			}
			lastSync(b, mode.sync, j.Sync)
			b.StopTimer()
			drop(b, d, j)
		})
	}
	b.Run("always_8_at_once", func(b *testing.B) {
		d := openDir(b)
		j := benchQueue(b, d, Always)
		o := origin("a")
		b.SetBytes(benchBytes)
		b.SetParallelism(max(8/runtime.GOMAXPROCS(0), 1))
		b.RunParallel(func(pb *testing.PB) {
			batch := benchRecords(b, o)
			for pb.Next() {
				refill(b, batch, o)
				if _, err := j.Append(batch); err != nil {
					b.Error(err)
				}
			}
		})
		b.StopTimer()
		drop(b, d, j)
	})
}

func benchQueue(b *testing.B, d *disk.Dir, sync Sync) *Journal {
	j, err := Create(Options{FS: d, Sync: sync})
	if err != nil {
		b.Fatal(err)
	}
	return j
}

// drop removes a queue with all that is in it.
func drop(b *testing.B, d *disk.Dir, j *Journal) {
	_ = j.Close()
	if err := os.RemoveAll(filepath.Join(d.Path(), j.dir)); err != nil {
		b.Fatal(err)
	}
}

// backlog fills a queue with about size bytes and closes it.
func backlog(b *testing.B, d *disk.Dir, size int) (id string, took time.Duration) {
	j := benchQueue(b, d, Never)
	o := origin("a")
	batch := benchRecords(b, o)
	begin := time.Now()
	for n := 0; n < size; n += batch.Bytes() {
		refill(b, batch, o)
		if _, err := j.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	took = time.Since(begin)
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return j.ID(), took
}

func BenchmarkDrain(b *testing.B) {
	d := openDir(b)
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	const size = 128 << 20
	id, _ := backlog(b, d, size)
	j, err := Open(Options{FS: d}, id)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		items, err := j.Reader().Next(benchBatch, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		if len(items) > 0 {
			err = j.Ack(items[len(items)-1].Seq)
		} else {
			b.StopTimer()
			drop(b, d, j)
			id, _ = backlog(b, d, size)
			j, err = Open(Options{FS: d}, id)
			b.StartTimer()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	drop(b, d, j)
}

// BenchmarkOpen opens a backlog of 1 GiB.
func BenchmarkOpen(b *testing.B) {
	if testing.Short() {
		b.Skip("writes 1 GiB")
	}
	d := openDir(b)
	id, _ := backlog(b, d, 1<<30)
	b.ReportAllocs()
	var peak atomic.Uint64
	for b.Loop() {
		j, err := Open(Options{FS: d}, id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := j.Reader().Next(benchBatch, 1<<20); err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak.Store(max(peak.Load(), m.HeapAlloc))
		_ = j.Close()
	}
	b.ReportMetric(float64(peak.Load())/(1<<20), "MiB-heap")
}
