package file

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestTornTail(t *testing.T) {
	const whole = `{"msg":"a"}` + "\n"
	long := strings.Repeat("x", 200000)
	for _, c := range []struct{ name, format, before, after string }{
		{"empty", "json", "", ""},
		{"whole", "json", whole, whole},
		{"torn object", "json", whole + `{"msg":"b`, whole},
		{"torn object alone", "json", `{"ms`, ""},
		{"long torn object", "json", whole + `{"msg":"` + long, whole},
		{"one brace", "json", whole + `{`, whole},
		{"whole object without line feed", "json", whole + `{"msg":"b"}`, whole + `{"msg":"b"}` + "\n"},
		{"long object without line feed", "json", whole + `{"msg":"` + long + `"}`, whole + `{"msg":"` + long + `"}` + "\n"},
		{"foreign text", "json", whole + "started", whole + "started [torn]\n"},
		{"foreign text alone", "json", "started", "started [torn]\n"},
		{"NUL after a power cut", "json", whole + "\x00\x00\x00", whole},
		{"torn, then NUL", "json", whole + `{"msg` + strings.Repeat("\x00", 5000), whole},
		{"whole, then NUL", "json", whole + `{"msg":"b"}` + "\x00", whole + `{"msg":"b"}` + "\n"},
		{"NUL alone", "text", strings.Repeat("\x00", 5000), ""},
		{"torn text", "text", "one\ntw", "one\ntw [torn]\n"},
		{"torn logfmt", "logfmt", "a=1\nmsg=\"x", "a=1\nmsg=\"x [torn]\n"},
		{"text like JSON", "text", `{"a`, `{"a [torn]` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Path = filepath.Join(t.TempDir(), "app.log")
			cfg.Format = c.format
			if err := os.WriteFile(cfg.Path, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			e := newTest(t, cfg)
			write(t, e, sinktest.Records("next", 0, 2))
			data, err := os.ReadFile(cfg.Path)
			if err != nil {
				t.Fatal(err)
			}
			rest, ok := bytes.CutPrefix(data, []byte(c.after))
			if !ok {
				t.Fatalf("the file holds %.300q, want it to begin with %.300q", data, c.after)
			}
			wantIDs(t, rest, "next", 2)
			if n := bytes.Count(rest, []byte("\n")); n != 2 {
				t.Errorf("%d lines behind the repaired tail, want 2: %q", n, rest)
			}
			want := uint64(0)
			if c.before != c.after {
				want = 1
			}
			if got := e.Stats().TornTails; got != want {
				t.Errorf("%d torn tails counted, want %d", got, want)
			}
		})
	}
}

// A file cut at any byte loses at most the record that was cut, and what comes
// after starts on a line of its own.
func TestCutAtEveryByte(t *testing.T) {
	for _, format := range []string{"json", "text", "logfmt", "otlp_json"} {
		c := testConfig(t)
		c.Format = format
		e := newTest(t, c)
		for i := range 3 {
			write(t, e, sinktest.Records("cut", i, 1))
		}
		_ = e.Shutdown(t.Context())
		data, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := range data {
			if err := os.WriteFile(c.Path, data[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			e := newTest(t, c)
			write(t, e, sinktest.Records("next", 0, 1))
			_ = e.Shutdown(t.Context())
			got, err := os.ReadFile(c.Path)
			if err != nil {
				t.Fatal(err)
			}
			whole := bytes.LastIndexByte(data[:cut], '\n') + 1
			tail, ok := bytes.CutPrefix(got, data[:whole])
			if !ok {
				t.Fatalf("%s: cut at %d: a whole record is damaged: %q", format, cut, got)
			}
			lines := bytes.SplitAfter(bytes.TrimSuffix(tail, []byte("\n")), []byte("\n"))
			last := lines[len(lines)-1]
			wantIDs(t, last, "next", 1)
			if len(lines) > 2 || bytes.Contains(last, []byte("cut-")) {
				t.Fatalf("%s: cut at %d: the tail is %q", format, cut, tail)
			}
			if len(lines) == 2 && bytes.HasPrefix(data[whole:], lines[0]) && cut-whole != len(lines[0])-1 {
				t.Fatalf("%s: cut at %d: a torn record passes for a whole one: %q", format, cut, lines[0])
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// Whatever a file ends with, it ends behind a line feed afterwards, and whole
// lines are as they were.
func FuzzRepairTail(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "{\"a\":1}", "{", "x\n{\x00", "\x00\x00", "\n\n{}x"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		format := "text"
		if isJSON {
			format = "json"
		}
		file, err := os.OpenFile(filepath.Join(t.TempDir(), "f"), os.O_RDWR|os.O_CREATE|openFlags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(data); err != nil {
			t.Fatal(err)
		}
		size, torn, err := repairTail(file, int64(len(data)), format)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(got)) != size {
			t.Errorf("size %d told, is %d", size, len(got))
		}
		if len(got) > 0 && got[len(got)-1] != '\n' {
			t.Errorf("%q ends within a line", got)
		}
		if torn != !bytes.Equal(got, data) {
			t.Errorf("%q became %q, torn is %v", data, got, torn)
		}
		if whole := data[:bytes.LastIndexByte(data, '\n')+1]; !bytes.HasPrefix(got, whole) {
			t.Errorf("%q became %q: whole lines are lost", data, got)
		}
		if _, again, err := repairTail(file, size, format); again || err != nil {
			t.Errorf("a second repair found something to do: %v", err)
		}
	})
}

// Any number of NUL bytes is cut off, and keeps no record from being written.
func TestRepairManyNULs(t *testing.T) {
	const whole = `{"whole":1}` + "\n"
	for format, want := range map[string]string{"json": whole, "text": whole + "torn [torn]\n"} {
		path := filepath.Join(t.TempDir(), "a.log")
		text := whole
		if format == "text" {
			text += "torn"
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 2*maxTail); err != nil { // leaves a hole
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		size, torn, err := repairTail(f, 2*maxTail, format)
		if err != nil || !torn || size != int64(len(want)) {
			t.Errorf("%s: size %d, torn %t, %v; want %d", format, size, torn, err, len(want))
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(content) != want {
			t.Errorf("%s: %.100q of %d bytes", format, content, len(content))
		}
	}
}
