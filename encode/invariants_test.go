package encode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// check holds what every encoder promises of one record's output.
func check(name string, out []byte) error {
	if !utf8.Valid(out) {
		return errors.New("not valid UTF-8")
	}
	if !bytes.HasSuffix(out, []byte("\n")) {
		return errors.New("no newline at the end")
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for i, line := range lines {
		if i > 0 && (name != "pretty" || !strings.HasPrefix(line, "             | ")) {
			return fmt.Errorf("line %d can be taken for a record: %q", i+1, line)
		}
		for _, r := range line {
			if r >= ' ' && r < 0x7f {
				continue
			}
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
				return fmt.Errorf("%U stands raw in %q", r, line)
			}
		}
	}
	if strings.Contains(name, "json") {
		return checkJSON(out)
	}
	return nil
}

// checkJSON reads out token by token, because json.Unmarshal keeps silent about
// equal keys.
func checkJSON(out []byte) error {
	if !json.Valid(out) {
		return errors.New("not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	type level struct {
		keys  map[string]bool // nil for an array
		isKey bool
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n := len(stack) - 1; n >= 0 && stack[n].isKey && tok != json.Delim('}') {
			key := tok.(string)
			if stack[n].keys[key] {
				return fmt.Errorf("key %q stands twice in one object", key)
			}
			stack[n].keys[key] = true
			stack[n].isKey = false
			continue
		}
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}, isKey: true})
			continue
		case json.Delim('['):
			stack = append(stack, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if n := len(stack) - 1; n >= 0 {
			stack[n].isKey = stack[n].keys != nil
		}
	}
}

var include = []encode.Field{"service", "pid", "host", "source", "resource"}

func FuzzInvariants(f *testing.F) {
	addSeeds(f)
	plain := encoders(f, encode.Options{})
	full := encoders(f, encode.Options{Include: include})
	colored := encode.Pretty(encode.Options{Color: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		r := g.record()
		for i, encs := range []map[string]encode.Encoder{plain, full} {
			for name, enc := range encs {
				out := enc.Append([]byte("before"), &r)
				if err := check(name, bytes.TrimPrefix(out, []byte("before"))); err != nil {
					t.Errorf("%s, includes %v: %v\n%s", name, i == 1, err, out)
				}
			}
		}
		// Without our own sequences nothing a terminal would act on is left.
		out := colored.Append(nil, &r)
		for _, sgr := range []string{"0", "1", "2", "31", "32", "33", "36", "1;97;41"} {
			out = bytes.ReplaceAll(out, []byte("\x1b["+sgr+"m"), nil)
		}
		if err := check("pretty", out); err != nil {
			t.Errorf("pretty in colour: %v\n%s", err, out)
		}
	})
}

func TestHostileSizes(t *testing.T) {
	deep := attribute.StringValue("bottom")
	for i := range 1000 {
		if i%2 == 0 {
			deep = attribute.MapValue(attribute.KeyValue{Key: "\xff", Value: deep}, attribute.Int("\xfe", i))
		} else {
			deep = attribute.SliceValue(deep, attribute.IntValue(i))
		}
	}
	many := make([]attribute.KeyValue, 0, 20000)
	for i := range 10000 {
		many = append(many, attribute.Int(fmt.Sprintf("key.%d", i), i))
	}
	// Each key a second time; the later ones count.
	for i := range 10000 {
		many = append(many, attribute.Int(fmt.Sprintf("key.%d", i), -i-1))
	}
	body := attribute.StringValue("m")
	megabytes := 10
	if raceEnabled {
		megabytes = 1
	}
	records := map[string]record.Record{
		"long strings":     {Body: attribute.StringValue(strings.Repeat("line\n\xffö", megabytes<<20/8)), Attributes: []attribute.KeyValue{attribute.String(strings.Repeat("k ", megabytes<<19), "v")}},
		"10000 attributes": {Body: body, Attributes: many},
		"10000 in a map":   {Body: body, Attributes: []attribute.KeyValue{attribute.Map("m", many...)}},
		"1000 deep":        {Body: deep, Attributes: []attribute.KeyValue{{Key: "deep", Value: deep}}},
		"long paths": {Body: body, Attributes: []attribute.KeyValue{attribute.Map(strings.Repeat("p", 1<<20),
			attribute.Map(strings.Repeat("q", 1<<20), many...))}},
	}
	for what, r := range records {
		for name, enc := range encoders(t, encode.Options{}) {
			out := enc.Append(nil, &r)
			if err := check(name, out); err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if limit := 16*r.Size() + 4096; len(out) > limit {
				t.Errorf("%s, %s: %d bytes from a record of %d", name, what, len(out), r.Size())
			}
			if marked := bytes.Contains(out, []byte(encode.TooDeep)); marked != (what == "1000 deep") {
				t.Errorf("%s, %s: marked as too deep: %v", name, what, marked)
			}
			if what == "10000 attributes" && (bytes.Contains(out, []byte(`key.7":7`)) || !bytes.Contains(out, []byte("-10000"))) {
				t.Errorf("%s: of equal keys it is not the last one that counts", name)
			}
		}
	}
}

// Keys that differ only in bytes that are not UTF-8 come out equal, so only
// one may.
func TestBrokenKeysStayUnique(t *testing.T) {
	kvs := []attribute.KeyValue{attribute.Int("a\xff", 1), attribute.Int("b", 2), attribute.Int("a\xfe", 3), attribute.Int("a\ufffd", 4)}
	r := record.Record{Timestamp: when, Body: attribute.MapValue(kvs...), Attributes: append(kvs, attribute.Map("m", kvs...))}
	got := string(encode.JSON(encode.Options{}).Append(nil, &r))
	// Maps are sorted by their keys' bytes, so there \xff is the last one.
	want := `{"time":"2026-11-21T10:15:30.123456789Z","msg":{"a�":1,"b":2},"b":2,"a�":4,"m":{"a�":1,"b":2}}` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestNewRejectsUnknownNames(t *testing.T) {
	if _, err := encode.New("xml", encode.Options{}); err == nil || !strings.Contains(err.Error(), "json, logfmt, text, pretty, otlp_json") {
		t.Errorf("unknown format: got %v, want an error that names the known ones", err)
	}
	if _, err := encode.New("json", encode.Options{Include: []encode.Field{"user"}}); err == nil || !strings.Contains(err.Error(), "service, pid, host, source, resource") {
		t.Errorf("unknown field: got %v, want an error that names the known ones", err)
	}
	var f encode.Field
	if err := f.UnmarshalText([]byte("host")); err != nil || f != encode.FieldHost {
		t.Errorf(`UnmarshalText("host") = %v, %q`, err, f)
	}
	if err := f.UnmarshalText([]byte("hots")); err == nil || f != encode.FieldHost {
		t.Errorf(`UnmarshalText("hots") = %v, %q; want an error and no change`, err, f)
	}
}

func TestIncludedProcessFields(t *testing.T) {
	r := record.Record{Body: attribute.StringValue("m"), Severity: log.SeverityInfo, Origin: cart,
		Attributes: []attribute.KeyValue{attribute.String("pid", "mine"), attribute.String("source", "s")}}
	var got map[string]any
	out := encode.JSON(encode.Options{Include: include}).Append(nil, &r)
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if _, ok := got["pid"].(float64); !ok {
		t.Errorf("pid is %v, want a number", got["pid"])
	}
	if host, _ := got["host"].(string); host == "" {
		t.Errorf("host is %v, want a name", got["host"])
	}
	if got["service"] != "shop" || got["attr.pid"] != "mine" || got["attr.source"] != "s" {
		t.Errorf("service or clashing attributes are wrong in %s", out)
	}
	if _, ok := got["source"]; ok {
		t.Errorf("a source without code.file.path in %s", out)
	}
}
