package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file tells of its holes, if the file system can; what is data, it never
// takes for one.
func TestNextData(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const size, data = 1 << 30, 1 << 29
	f, err := os.Create(filepath.Join(d.Path(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("data"), data)
	if err := errors.Join(err, f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	opened, err := d.Open("sparse")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s, ok := opened.(Sparse)
	if !ok {
		t.Fatal("it does not tell")
	}
	if at, err := s.NextData(0); err != nil || at > data {
		t.Fatal(at, err)
	} else if at == 0 {
		t.Skip("this file system knows no holes")
	}
	if at, err := s.NextData(data + 2); err != nil || at != data+2 {
		t.Fatal(at, err)
	}
	if at, err := s.NextData(data + 1<<20); !errors.Is(err, io.EOF) {
		t.Fatal(at, err)
	}
	var p [4]byte
	if _, err := opened.ReadAt(p[:], data); err != nil || string(p[:]) != "data" {
		t.Fatalf("%q, %v", p, err)
	}
}
