package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// smallDisk returns a directory with room for 64 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system of a known size: mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// A full disk takes whole records as long as there is room, leaves no torn
// line, and once there is room again delivery goes on with nothing lost or
// twice.
func TestFullDisk(t *testing.T) {
	for _, c := range []struct {
		format, naming string
		size           exporters.Size
	}{{"json", "timestamp", 0}, {"text", "timestamp", 0}, {"otlp_json", "timestamp", 0}, {"json", "numbered", 7000}, {"json", "timestamp", 7000}} {
		t.Run(c.format+" "+c.naming+" "+c.size.String(), func(t *testing.T) {
			dir := smallDisk(t)
			filler := filepath.Join(dir, "filler")
			if err := os.WriteFile(filler, make([]byte, 40<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := testConfig(t)
			cfg.Path = filepath.Join(dir, "app.log")
			cfg.Format = c.format
			cfg.Rotation = Rotation{MaxSize: c.size, Naming: c.naming}
			cfg.Retention.MaxFiles = KeepAll
			e := newTest(t, cfg)
			t.Cleanup(func() { _ = e.Shutdown(t.Context()) })

			recs := sinktest.Records("full", 0, 600)
			done := 0
			deliver := func(recs int) error {
				for end := done + recs; done < end; {
					n, err := e.Write(t.Context(), sinktest.Records("full", done, min(20, end-done)))
					done += n
					if err != nil {
						return err
					}
				}
				return nil
			}
			err := deliver(len(recs))
			if kind, _ := exporters.Classify(err); !errors.Is(err, syscall.ENOSPC) || kind != exporters.Retryable {
				t.Fatalf("after %d records: %v, want ENOSPC, worth another try", done, err)
			}
			for range 3 {
				if err := deliver(20); err == nil {
					t.Fatal("the full disk took more")
				}
			}
			data := readSet(t, cfg)
			wantIDs(t, data, "full", done)
			if len(data) == 0 || data[len(data)-1] != '\n' {
				t.Errorf("the full file ends within a line: %.100q", data[max(0, len(data)-100):])
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			before := done
			if err := deliver(100); err != nil {
				t.Fatalf("the disk has room again: %v", err)
			}
			wantIDs(t, readSet(t, cfg), "full", before+100)
			if n := e.Stats().TornTails; n != 0 {
				t.Errorf("%d torn tails", n)
			}
		})
	}
}

// A disk that others fill costs the oldest backups as long as less than
// min_free is free, and records go on being written.
func TestMinFreeOfADisk(t *testing.T) {
	dir := smallDisk(t)
	c := testConfig(t)
	c.Path = filepath.Join(dir, "app.log")
	c.Rotation.MaxSize = 4000
	c.Retention = Retention{MaxFiles: KeepDefault, MinFree: 16 * exporters.KiB}
	e := newTest(t, c)
	t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
	next := 0
	log := func(recs int) {
		for range recs {
			write(t, e, sinktest.Records("tight", next, 1))
			next++
		}
	}
	// 64 KiB less 16 KiB, the live file and what one rotation may add.
	log(400)
	if n := len(backups(t, c)); n < 10 || n > 12 {
		t.Errorf("%d backups of a page each", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 12<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	log(60)
	free, err := freeBytes(dir)
	if err != nil || free < 12<<10 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	if n := len(backups(t, c)); n < 7 || n > 9 {
		t.Errorf("%d backups beside the filler", n)
	}
	// What is there is what was written last, without a gap.
	ids := sinktest.IDs(readSet(t, c))
	for i, id := range ids {
		if want := sinktest.ID("tight", next-len(ids)+i); id != want {
			t.Fatalf("record %d of %d is %s, want %s", i, len(ids), id, want)
		}
	}
}

// Under retry, delivery resumes by itself.
func TestFullDiskUnderRetry(t *testing.T) {
	dir := smallDisk(t)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 60<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t)
	c.Path = filepath.Join(dir, "app.log")
	e := newTest(t, c)
	t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
	var free sync.Once
	e.write = func(f *os.File, p []byte) (int, error) {
		n, err := f.Write(p)
		if errors.Is(err, syscall.ENOSPC) {
			free.Do(func() {
				if err := os.Remove(filler); err != nil {
					t.Error(err)
				}
			})
		}
		return n, err
	}
	r, err := exporters.NewRetry(e, exporters.RetryConfig{
		Initial: exporters.Duration(time.Millisecond), Max: exporters.Duration(time.Millisecond), MaxElapsed: exporters.Unlimited,
	})
	if err != nil {
		t.Fatal(err)
	}
	recs := sinktest.Records("retry", 0, 200)
	if n, err := r.Write(t.Context(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	wantIDs(t, readSet(t, c), "retry", len(recs))
}

// A program starts on a full disk, even when the file's end needs repair.
func TestStartOnFullDisk(t *testing.T) {
	for _, delay := range []bool{false, true} {
		dir := smallDisk(t)
		c := testConfig(t)
		c.Path, c.Format, c.Delay = filepath.Join(dir, "app.log"), "text", delay
		// Ends 4 bytes before a page does: half the mark has room.
		if err := os.WriteFile(c.Path, tornLine(4092), 0o600); err != nil {
			t.Fatal(err)
		}
		filler := filepath.Join(dir, "filler")
		if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		e := newTest(t, c)
		t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
		recs := sinktest.Records("start", 0, 3)
		for range 2 {
			if n, err := e.Write(t.Context(), recs); n != 0 || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		write(t, e, recs)
		data := readSet(t, c)
		wantIDs(t, data, "start", 3)
		if want := string(tornLine(4092)) + tornMark + "\n"; string(data[:len(want)]) != want {
			t.Errorf("the torn line is %q", data[4090:4110])
		}
		if n := e.Stats().TornTails; n != 1 {
			t.Errorf("%d torn tails counted, want 1", n)
		}
	}
}

func tornLine(size int) []byte { return bytes.Repeat([]byte("x"), size) }
