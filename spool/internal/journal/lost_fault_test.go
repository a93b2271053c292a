package journal

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// Records whose sync has failed are not read from where they may be gone, but
// after they were written anew: none is taken for damaged.
func TestReaderWaitsForWhatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		j := create(t, options(t, d.Process(), modelSync))
		fill(t, j, origin("a"), 10, 5, 100)
		time.Sleep(2 * time.Second) // for two syncs
		fill(t, j, origin("a"), 10, 5, 100)
		d.Dead()
		var b Batch
		add(t, &b, nil, 1, []byte("refused"))
		if _, err := j.Append(&b); err == nil {
			t.Fatal("a dead disk has taken a record")
		}
		if !d.Remount() {
			t.Fatal("the file system is in use")
		}
		d.Mend()
		wantRun(t, drain(t, j, 100), 1, 11)
		<-j.Wait() // of the Appends
		time.Sleep(2 * time.Second)
		<-j.Wait() // the rest was written anew
		wantRun(t, drain(t, j, 100), 11, 21)
		if s := j.Stats(); s.Damaged != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A segment that a power cut or a failing disk took away is evicted like one
// that is damaged.
func TestEvictSegmentThatIsGone(t *testing.T) {
	d := disktest.New(1)
	p := d.Process()
	j := create(t, options(t, p, Never))
	fill(t, j, nil, 2000, 50, 100)
	before := j.Stats()
	if err := p.Remove(j.dir + "/" + segmentName(1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Evict(EvictAll); err != nil {
		t.Fatal(err)
	}
	s := j.Stats()
	if s.Damaged == 0 || s.Damaged != before.Waiting-s.Waiting || s.Segments != before.Segments-1 {
		t.Errorf("%+v, before %+v", s, before)
	}
	if got := len(drain(t, j, 100)); uint64(got) != s.Waiting {
		t.Errorf("%d records came, %d waited", got, s.Waiting)
	}
}

// What a process has left half made does not keep an empty queue's directory.
func TestHalfMadeFilesGoWithTheQueue(t *testing.T) {
	d := disktest.New(1)
	p := d.Process()
	o := options(t, p, Always)
	j := create(t, o)
	d.WriteFile(j.dir+"/"+segmentName(1)+tempSuffix, []byte("half"))
	p.Kill()
	_ = j.Close()
	o.FS = d.Process()
	d.Fail(disktest.Remove, 1, syscall.EIO)
	closeQueue(t, reopen(t, o, j.ID()))
	wantGone(t, o.FS)
}

// A compacted segment of which only the header is left counts its records as
// damaged, though nothing says which they were.
func TestCompactedSegmentWithoutFrames(t *testing.T) {
	d := disktest.New(1)
	p := d.Process()
	o := options(t, p, Never)
	j := create(t, o)
	var b Batch
	for n := range uint64(10) {
		add(t, &b, nil, uint8(1+n), body(1+n, 100))
	}
	if _, err := j.Append(&b); err != nil {
		t.Fatal(err)
	}
	if n, _, err := j.Evict(6); n != 5 || err != nil {
		t.Fatalf("Evict = %d, %v", n, err)
	}
	name := j.dir + "/" + segmentName(1)
	p.Kill()
	_ = j.Close()
	d.WriteFile(name, d.ReadFile(name)[:firstFrame])
	o.FS = d.Process()
	j = reopen(t, o, j.ID())
	if s := j.Stats(); s.Waiting != 5 {
		t.Errorf("%+v", s)
	}
	wantRun(t, drain(t, j, 100), 0, 0)
	if s := j.Stats(); s.Waiting != 0 || s.Damaged != 5 {
		t.Errorf("%+v", s)
	}
	closeQueue(t, j)
	wantGone(t, o.FS)
}
