package disktest

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

func create(t *testing.T, p *Process, name, content string) disk.File {
	t.Helper()
	f, err := p.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	writeAt(t, f, content, 0)
	return f
}

func writeAt(t *testing.T, f disk.File, content string, at int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(content), at); n != len(content) || err != nil {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

// outcomes runs a scenario under many seeds and returns how often it ended how.
func outcomes(t *testing.T, scenario func(d *Disk) string) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for seed := range uint64(400) {
		seen[scenario(New(seed))]++
	}
	return seen
}

func wantOutcomes(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for _, w := range want {
		if got[w] == 0 {
			t.Errorf("%q never came out", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("outcomes %v, want %q", got, want)
	}
}

func TestSyncedSurvives(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", "kept")
		must(t, f.Sync())
		must(t, p.SyncDir("."))
		d.Crash()
		return string(d.ReadFile("a"))
	}), "kept")
}

func TestUnsyncedMayVanish(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", "kept")
		must(t, f.Sync())
		must(t, p.SyncDir("."))
		writeAt(t, f, "!", 4)
		d.Crash()
		return string(d.ReadFile("a"))
	}), "kept", "kept!", "kept\x00")
}

// Of two sectors either may arrive without the other.
func TestWritesAreNotOrdered(t *testing.T) {
	zeros := string(make([]byte, sector))
	got := outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", zeros+zeros)
		must(t, f.Sync())
		must(t, p.SyncDir("."))
		writeAt(t, f, "first", 0)
		writeAt(t, f, "second", sector)
		d.Crash()
		data := d.ReadFile("a")
		return string(bytes.Trim(data[:sector], "\x00")) + "|" + string(bytes.Trim(data[sector:], "\x00"))
	})
	for _, want := range []string{"|", "first|", "|second", "first|second"} {
		if got[want] == 0 {
			t.Errorf("%q never came out: %v", want, got)
		}
	}
}

func TestSectorsMayTear(t *testing.T) {
	torn := 0
	for range outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", "0123456789")
		must(t, f.Sync())
		must(t, p.SyncDir("."))
		writeAt(t, f, "abcdefghij", 0)
		d.Crash()
		return string(d.ReadFile("a"))
	}) {
		torn++
	}
	if torn < 4 {
		t.Errorf("%d outcomes", torn)
	}
}

// A name is there after a power cut when its directory was synced, whatever
// became of the file.
func TestNames(t *testing.T) {
	scenario := func(sync bool) func(d *Disk) string {
		return func(d *Disk) string {
			p := d.Process()
			create(t, p, "old", "x")
			create(t, p, "gone", "x")
			must(t, p.SyncDir("."))
			must(t, p.Rename("old", "new"))
			must(t, p.Remove("gone"))
			if sync {
				must(t, p.SyncDir("."))
			}
			d.Crash()
			names := ""
			for _, n := range d.Files() {
				names += n + " "
			}
			return names
		}
	}
	wantOutcomes(t, outcomes(t, scenario(true)), "new ")
	wantOutcomes(t, outcomes(t, scenario(false)), "new ", "gone old ", "gone new ", "old ")
}

func TestDirectoryMayVanishWithAllInIt(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *Disk) string {
		p := d.Process()
		must(t, p.Mkdir("q"))
		f := create(t, p, "q/a", "kept")
		must(t, f.Sync())
		must(t, p.SyncDir("q"))
		d.Crash()
		return string(d.ReadFile("q/a"))
	}), "kept", "")
}

// What a failed sync was for is lost, though it may still be seen, and the next
// sync does not bring it back.
func TestFailedSyncForgets(t *testing.T) {
	seen := outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", "kept")
		must(t, f.Sync())
		must(t, p.SyncDir("."))
		writeAt(t, f, "LOST", 4)
		d.Fail(Sync, 1, syscall.EIO)
		wantErr(t, f.Sync(), syscall.EIO)
		before := string(d.ReadFile("a"))
		must(t, f.Sync())
		d.Crash()
		return before + " " + string(d.ReadFile("a"))
	})
	for _, want := range []string{"keptLOST kept", "kept kept", "keptLOST keptLOST"} {
		if seen[want] == 0 {
			t.Errorf("%q never came out: %v", want, seen)
		}
	}
}

func TestKill(t *testing.T) {
	d := New(1)
	p, other := d.Process(), d.Process()
	f := create(t, p, "a", "written")
	l, err := p.Lock("lock")
	must(t, err)
	_, err = other.Lock("lock")
	wantErr(t, err, disk.ErrLocked)
	p.Kill()
	_, err = f.WriteAt([]byte("x"), 0)
	wantErr(t, err, ErrKilled)
	wantErr(t, l.Unlock(true), ErrKilled)
	must(t, f.Close())
	if got := string(d.ReadFile("a")); got != "written" {
		t.Errorf("the file holds %q", got)
	}
	l, err = other.Lock("lock")
	must(t, err)
	must(t, l.Unlock(true))
	if n := d.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
	_, err = other.Open("lock")
	wantErr(t, err, fs.ErrNotExist)
}

func TestKillCutsAWriteShort(t *testing.T) {
	got := outcomes(t, func(d *Disk) string {
		p := d.Process()
		f := create(t, p, "a", "")
		p.KillAfter(1)
		_, err := f.WriteAt([]byte("abcd"), page-2)
		wantErr(t, err, ErrKilled)
		return string(bytes.Trim(d.ReadFile("a"), "\x00"))
	})
	wantOutcomes(t, got, "", "ab", "abcd")
	wantOutcomes(t, outcomes(t, func(d *Disk) string {
		p := d.Process()
		p.KillAfter(1)
		_, err := p.Lock("lock")
		wantErr(t, err, ErrKilled)
		l, err := d.Process().Lock("lock")
		must(t, err)
		must(t, l.Unlock(false))
		return ""
	}), "")
}

func TestFaults(t *testing.T) {
	d := New(1)
	p := d.Process()
	f := create(t, p, "a", "1234")
	d.Fill(3)
	n, err := f.WriteAt([]byte("56789"), 4)
	if n != 3 || !errors.Is(err, syscall.ENOSPC) || !disk.IsFull(err) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	writeAt(t, f, "abc", 0) // needs no more room
	_, err = p.Create("b")
	wantErr(t, err, syscall.ENOSPC)
	if free, err := p.Free(); free != 0 || err != nil {
		t.Errorf("Free = %d, %v", free, err)
	}
	must(t, f.Truncate(2))
	if free, err := p.Free(); free != 5 || err != nil {
		t.Errorf("Free = %d, %v", free, err)
	}
	d.Mend()

	d.NoDescriptors()
	_, err = p.Open("a")
	wantErr(t, err, syscall.EMFILE)
	writeAt(t, f, "abc", 0)
	d.Mend()

	d.ReadOnly()
	_, err = f.WriteAt([]byte("x"), 0)
	wantErr(t, err, syscall.EROFS)
	wantErr(t, p.Remove("a"), syscall.EROFS)
	if d.Remount() {
		t.Error("unmounted with a file open")
	}
	must(t, f.Close())
	if !d.Remount() {
		t.Error("busy with nothing open")
	}
	d.Mend()
	d.Fail(Rename, 2, syscall.EIO)
	d.WriteFile("dir/x", []byte("1"))
	must(t, p.Rename("dir/x", "dir/y"))
	wantErr(t, p.Rename("dir/y", "dir/x"), syscall.EIO)
	must(t, p.Rename("dir/y", "dir/x"))
	wantErr(t, p.Remove("dir"), syscall.ENOTEMPTY)
}

// Everything happens the same way under the same seed.
func TestSeeds(t *testing.T) {
	run := func() []byte {
		d := New(7)
		p := d.Process()
		f := create(t, p, "a", "")
		must(t, p.SyncDir("."))
		rnd := rand.New(rand.NewPCG(7, 7))
		for i := range 600 {
			writeAt(t, f, string(rune('a'+i%26)), rnd.Int64N(4000))
		}
		d.Crash()
		return d.ReadFile("a")
	}
	if !bytes.Equal(run(), run()) {
		t.Error("two runs differ")
	}
}
