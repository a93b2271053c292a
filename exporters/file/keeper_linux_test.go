package file

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// A disk that is full when a backup is to be compressed keeps the backup as it
// is; it is compressed when there is room again.
func TestCompressionOnAFullDisk(t *testing.T) {
	for _, naming := range namings {
		for _, compression := range []string{"gzip", "zstd"} {
			c := compressing(t, naming, compression)
			c.Path = filepath.Join(smallDisk(t), "app.jsonl")
			c.Rotation.MaxSize = 7000
			e, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			filler := filepath.Join(filepath.Dir(c.Path), "filler")
			if err := os.WriteFile(filler, make([]byte, 30<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			held, free := stuck(e)
			done := 0
			for err == nil {
				var n int
				n, err = e.Write(t.Context(), sinktest.Records("full", done, 5))
				done += n
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			<-held
			free()
			if err := e.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if s := e.Stats(); s.CompressionFailures == 0 {
				t.Errorf("stats %+v", s)
			}
			wantIDs(t, readSet(t, c), "full", done)

			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			e = newTest(t, c)
			write(t, e, sinktest.Records("full", done, 20))
			settle(e)
			wantTidy(t, c)
			wantIDs(t, readSet(t, c), "full", done+20)
			if err := e.Shutdown(t.Context()); err != nil { // before the disk is unmounted
				t.Error(err)
			}
		}
	}
}
