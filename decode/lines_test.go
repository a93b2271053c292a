package decode_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/decode"
)

type line struct {
	Text string
	Part int
	Last bool
}

func readLines(t testing.TB, r io.Reader, limit int) (all []line, err error) {
	t.Helper()
	lines := decode.NewLines(r, limit)
	for {
		l, err := lines.Next()
		if err != nil {
			if again, err2 := lines.Next(); err2 != err || again.Text != nil {
				t.Errorf("after %v came %q, %v", err, again.Text, err2)
			}
			return all, err
		}
		all = append(all, line{string(l.Text), l.Part, l.Last})
	}
}

func TestLines(t *testing.T) {
	whole := func(texts ...string) (all []line) {
		for _, s := range texts {
			all = append(all, line{Text: s})
		}
		return all
	}
	for _, tc := range []struct {
		name, in string
		want     []line
	}{
		{"nothing", "", nil},
		{"plain", "a\nb\n", whole("a", "b")},
		{"no newline at the end", "a\nb", whole("a", "b")},
		{"CRLF", "a\r\nb\rc\r\n\r\n", whole("a", "b\rc", "")},
		{"empty lines", "\n\n", whole("", "")},
		{"NUL", "a\x00b\n\x00", whole("a\x00b", "\x00")},
		{"byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbfb\n", whole("a", "\xef\xbb\xbfb")},
		{"only a byte order mark", "\xef\xbb\xbf", nil},
		{"part of a byte order mark", "\xef\xbb", whole("\xef\xbb")},
		{"at the limit", "12345678\n12345678\r\n12345678", whole("12345678", "12345678", "12345678")},
		{"beyond", "123456789\nx\n", []line{{"12345678", 1, false}, {"9", 2, true}, {"x", 0, false}}},
		{"beyond by CR", "12345678\rx\n", []line{{"12345678", 1, false}, {"\rx", 2, true}}},
		{"far beyond, no newline", strings.Repeat("1234567", 3), []line{{"12345671", 1, false}, {"23456712", 2, false}, {"34567", 3, true}}},
		{"between characters", "123456öx\n1234567öx\n12345😀\n", []line{{"123456ö", 1, false}, {"x", 2, true}, {"1234567", 1, false}, {"öx", 2, true}, {"12345", 1, false}, {"😀", 2, true}}},
		{"no characters", strings.Repeat("\x80", 9), []line{{strings.Repeat("\x80", 8), 1, false}, {"\x80", 2, true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once": strings.NewReader(tc.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.in)),
				"with EOF": iotest.DataErrReader(strings.NewReader(tc.in)),
			} {
				all, err := readLines(t, r, 8)
				if diff := cmp.Diff(tc.want, all); diff != "" || err != io.EOF {
					t.Errorf("%s: %v (-want +got):\n%s", how, err, diff)
				}
			}
		})
	}
}

func TestLinesPassesOnErrors(t *testing.T) {
	broken := errors.New("broken")
	all, err := readLines(t, io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 0)
	if diff := cmp.Diff([]line{{Text: "a"}, {Text: "b"}}, all); diff != "" || err != broken {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := readLines(t, silent{}, 0); err != io.ErrNoProgress {
		t.Errorf("a reader that returns nothing: %v, want %v", err, io.ErrNoProgress)
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// FuzzLines puts the lines and parts together again.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\nccccccccccccccccccc\n\n"), byte(5), byte(3))
	f.Add([]byte("ööööööööö\r"), byte(3), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, limit, chunk byte) {
		data = bytes.ReplaceAll(data, []byte("\xef\xbb\xbf"), nil)
		all, err := readLines(t, &chunks{data, int(chunk)%7 + 1}, int(limit)+1)
		if err != io.EOF {
			t.Fatal(err)
		}
		var got strings.Builder
		for i, l := range all {
			if len(l.Text) > max(int(limit)+1, 4) {
				t.Errorf("line of %d bytes at limit %d", len(l.Text), limit)
			}
			if wantPart := 0; l.Part > 0 {
				if wantPart = 1; i > 0 && all[i-1].Part > 0 && !all[i-1].Last {
					wantPart = all[i-1].Part + 1
				}
				if l.Part != wantPart {
					t.Errorf("part %d, want %d", l.Part, wantPart)
				}
			}
			got.WriteString(l.Text)
			if l.Part == 0 || l.Last {
				got.WriteByte('\n')
			}
		}
		want := strings.ReplaceAll(string(data), "\r\n", "\n")
		if len(data) > 0 && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
	})
}

type chunks struct {
	data []byte
	n    int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestPartsAreMarked(t *testing.T) {
	object := []byte(`{"msg":"part of a longer line"}`)
	first := decodeAll(t, "auto", decode.Options{}, decode.Line{Text: object, Part: 1})[0].Record
	last := decodeAll(t, "auto", decode.Options{}, decode.Line{Text: object, Part: 2, Last: true})[0].Record
	if first.Body.AsString() != string(object) || last.Body.AsString() != string(object) {
		t.Errorf("bodies are %q and %q, want the parts as they stand", first.Body.AsString(), last.Body.AsString())
	}
	if diff := cmp.Diff([]attribute.KeyValue{decode.PartKey.Int(1)}, first.Attributes, sameValue); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]attribute.KeyValue{decode.PartKey.Int(2), decode.LastPartKey.Bool(true)}, last.Attributes, sameValue); diff != "" {
		t.Error(diff)
	}
}
