package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestInputPassesEverything(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef\n"), 50_000)
	for name, src := range map[string]io.Reader{
		"whole":    bytes.NewReader(want),
		"halves":   iotest.HalfReader(bytes.NewReader(want)),
		"data+EOF": iotest.DataErrReader(bytes.NewReader(want)),
	} {
		got, err := io.ReadAll(NewInput(t.Context(), src))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, error %v; want %d bytes", name, len(got), err, len(want))
		}
	}
}

func TestInputReportsTheSourcesError(t *testing.T) {
	boom := errors.New("boom")
	src := io.MultiReader(strings.NewReader("kept"), iotest.ErrReader(boom))
	got, err := io.ReadAll(NewInput(t.Context(), src))
	if string(got) != "kept" || !errors.Is(err, boom) {
		t.Errorf("got %q, %v; want the bytes before the error, and the error", got, err)
	}
}

func TestInputEndsWhileTheSourceSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		in := NewInput(end, r)
		go func() {
			_, _ = w.Write([]byte("first\n"))
			cancel()
			// Already written when the end comes, read a moment later.
			_, _ = w.Write([]byte("last words\n"))
		}()
		got, err := io.ReadAll(in)
		if err != nil || string(got) != "first\nlast words\n" {
			t.Errorf("got %q, %v", got, err)
		}
		in.Close()
		_ = w.Close()
	})
}

// endless never pauses.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'y'
	}
	return len(p), nil
}

func TestInputEndsAlthoughTheSourceNeverPauses(t *testing.T) {
	end, cancel := context.WithCancel(t.Context())
	cancel()
	in := NewInput(end, endless{})
	n, err := io.Copy(io.Discard, in)
	in.Close()
	if err != nil || n > lastBytes+chunkSize {
		t.Errorf("read %d bytes after the end, error %v; want at most %d", n, err, lastBytes+chunkSize)
	}
}

func TestInputCloseReleasesARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		in := NewInput(t.Context(), r)
		done := make(chan error)
		go func() {
			_, err := in.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		in.Close()
		if err := <-done; err != io.EOF {
			t.Errorf("Read = %v, want io.EOF", err)
		}
		_ = w.Close()
	})
}
