package spool

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// Whatever stands in a file of dead letters, a replay either leaves it as it is
// or puts all letters that can be read into one queue, and keeps a torn line.
func FuzzReplay(f *testing.F) {
	var letters []byte
	for _, r := range sinktest.Records("s", 0, 3) {
		r.AddAttributes(attribute.String(reasonKey, "permanent: no"))
		letters = encode.OTLPJSON().Append(letters, &r)
	}
	f.Add(letters)
	f.Add(letters[:len(letters)-10])
	f.Add(append([]byte("\n"), letters...))
	f.Add(bytes.ReplaceAll(letters, []byte("\n"), []byte("\r\n")))
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"` + reasonKey + `"}]},{}]}]}]}` + "\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		p := disktest.New(1).Process()
		d := &Dir{fs: p, locked: func(string) (bool, error) { return false, nil }}
		const name = deadLetterDir + "/0123456789abcdef.jsonl"
		if err := p.Mkdir(deadLetterDir); err != nil {
			t.Fatal(err)
		}
		file, err := p.Create(name)
		if err == nil && len(content) > 0 {
			_, err = file.WriteAt(content, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := d.Letters()
		if err != nil || len(before) != 1 {
			t.Fatalf("%+v, %v", before, err)
		}
		done, err := d.Replay()
		if err != nil || len(done) != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		queues, err := d.Queues()
		if err != nil {
			t.Fatal(err)
		}
		torn := errors.Is(done[0].Err, ErrIncomplete) && done[0].Queue != ""
		if done[0].Err != nil && !torn {
			if before[0].Sound() || len(queues) > 0 || !bytes.Equal(read(t, p, name), content) {
				t.Errorf("%+v of %+v left %+v", done[0], before[0], queues)
			}
			return
		}
		n := uint64(0)
		for _, q := range queues {
			lost, err := d.Records(q.ID, func(r *record.Record) error {
				n++
				if _, reason := r.Attr(reasonKey); reason || uid(r) == "" {
					t.Errorf("%+v", r)
				}
				return nil
			})
			if lost > 0 || err != nil {
				t.Errorf("%d lost, %v", lost, err)
			}
		}
		if before[0].Sound() == torn || n != before[0].Records || n != done[0].Records || len(queues) > 1 {
			t.Errorf("%d of %+v: %+v, %+v", n, before[0], done[0], queues)
		}
		left, err := p.ReadDir(deadLetterDir)
		if err != nil || (len(left) > 0) != torn {
			t.Errorf("left: %+v, %v", left, err)
		}
		if torn && !bytes.HasSuffix(content, read(t, p, deadLetterDir+"/"+lettersName(done[0].Queue))) {
			t.Errorf("the torn line is not kept")
		}
	})
}

func read(t *testing.T, fsys disk.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return content
}
