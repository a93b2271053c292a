package decode_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

func TestOTLPProtoErrors(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		msg        []byte
	}{
		{"wrong wire type", "decode: read OTLP LogRecord: body at byte 6: wire type 0, want 2", inRecord(pb{}.uint(5, 1))},
		{"behind other fields", "LogRecord: time_unix_nano at byte 10: wire type 5, want 1", inRecord(pb{}.uint(2, 9).uint(2, 9).fixed32(1, 1))},
		{"group", "LogsData: field 7 at byte 2: wire type 3 is none of OTLP", pb{}.str(9, "").tag(7, protowire.StartGroupType).tag(7, protowire.EndGroupType)},
		{"end of group", "LogsData: resource_logs at byte 0: wire type 4 is none of OTLP", pb{}.tag(1, protowire.EndGroupType)},
		{"wire type 7", "LogsData: field 2 at byte 0: wire type 7 is none of OTLP", []byte{2<<3 | 7}},
		{"field 0", "LogsData: field at byte 0: 0 is no field number", []byte{0, 0}},
		{"field beyond the limit", "LogsData: field at byte 0: 536870912 is no field number", binary.AppendUvarint(nil, 1<<32)},
		{"endless tag", "LogsData: field at byte 0: a varint is longer than 64 bits", bytes.Repeat([]byte{0xff}, 1000)},
		{"65 bits", "LogRecord: severity_number at byte 6: a varint is longer than 64 bits", inRecord(append(pb{2 << 3}, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"...))},
		{"length beyond the parent", "AnyValue: string_value at byte 8: 5 bytes long where 1 are left", inRecord(pb{}.msg(5, pb{1<<3 | 2, 5, 'x'})).str(9, "enough bytes behind")},
		{"1 GiB", "ResourceLogs: resource at byte 2: 1073741824 bytes long where 0 are left", pb{}.msg(1, binary.AppendUvarint(pb{1<<3 | 2}, 1<<30))},
		{"length of 64 bits", "LogsData: resource_logs at byte 0: 18446744073709551615 bytes long where 0 are left", binary.AppendUvarint(pb{1<<3 | 2}, 1<<64-1)},
		{"short fixed64", "LogRecord: time_unix_nano at byte 6: the message ends within it", inRecord(pb{1<<3 | 1, 1, 2, 3, 4, 5, 6, 7})},
		{"in a scope", "KeyValue: key at byte 8: wire type 0, want 2", pb{}.msg(1, pb{}.msg(2, pb{}.msg(1, pb{}.msg(3, pb{}.uint(1, 1)))))},
		{"many values", "LogRecord: attributes at byte", inRecord(bytes.Repeat(pb{}.str(6, ""), 1<<20+1))},
		{"many values of a resource in pieces", "Resource: attributes at byte", pb{}.msg(1, bytes.Repeat(pb{}.msg(1, bytes.Repeat(pb{}.str(1, ""), 1<<19)).msg(2, pb{}.str(2, "")), 3))},
		{"too long", "67108865 bytes: the limit is 67108864", make([]byte, decode.MaxMessage+1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			msg := append(marshal(t, everyField()), tc.msg...)
			if tc.name == "too long" {
				msg = tc.msg
			}
			all, err := decodeProto(new(decode.OTLPProto), tc.msg)
			if err == nil || !strings.Contains(err.Error(), tc.want) || len(all) != 0 {
				t.Errorf("%d records, error %v, want %q", len(all), err, tc.want)
			}
			if all, err := decodeProto(new(decode.OTLPProto), msg); err == nil || len(all) != 0 {
				t.Errorf("behind sound records: %d records, error %v, want none of them", len(all), err)
			}
		})
	}
}

// A message that ends early gives no record at all, unless it is whole as far
// as it goes.
func TestOTLPProtoCut(t *testing.T) {
	m := everyField()
	msg := marshal(t, m)
	whole := map[int]int{0: 0} // Records by length.
	for i, end, records := 0, 0, 0; i < len(m.ResourceLogs); i++ {
		one := &logspb.LogsData{ResourceLogs: m.ResourceLogs[i : i+1]}
		end += len(marshal(t, one))
		records += len(decodeAsJSON(t, one))
		whole[end] = records
	}
	for n := range len(msg) + 1 {
		all, err := decodeProto(new(decode.OTLPProto), msg[:n:n])
		want, ok := whole[n]
		if (err == nil) != ok || len(all) != want {
			t.Errorf("cut at %d of %d: %d records, error %v, want %d", n, len(msg), len(all), err, want)
		}
	}
}

func TestOTLPProtoDepth(t *testing.T) {
	nested := func(v pb, deep int, field protowire.Number) []byte {
		var heads [][]byte
		size := len(v)
		wrap := func(num protowire.Number) {
			head := protowire.AppendVarint(pb{}.tag(num, protowire.BytesType), uint64(size))
			heads = append(heads, head)
			size += len(head)
		}
		for range deep {
			if field == 6 {
				wrap(2)
			}
			wrap(1)
			wrap(field)
		}
		slices.Reverse(heads)
		return inRecord(pb{}.msg(5, append(bytes.Join(heads, nil), v...)))
	}
	for _, tc := range []struct {
		deep int
		want string
	}{{encode.MaxDepth, "x"}, {encode.MaxDepth + 1, encode.TooDeep}, {10_000, encode.TooDeep}} {
		for _, field := range []protowire.Number{5, 6} {
			all, err := decodeProto(new(decode.OTLPProto), nested(pb{}.str(1, "x"), tc.deep, field))
			if err != nil || len(all) != 1 {
				t.Fatalf("%d deep: %d records, %v", tc.deep, len(all), err)
			}
			v := all[0].Record.Body
			for deep := 0; ; deep++ {
				switch v.Type() {
				case attribute.SLICE:
					v = v.AsSlice()[0]
					continue
				case attribute.MAP:
					v = v.AsMap()[0].Value
					continue
				case attribute.STRINGSLICE:
					v = attribute.StringValue(v.AsStringSlice()[0])
					deep++
				}
				if v.AsString() != tc.want || deep != encode.MaxDepth {
					t.Errorf("%d deep in field %d: %q at %d", tc.deep, field, v.AsString(), deep)
				}
				break
			}
			// What is read is checked, and only that.
			_, err = decodeProto(new(decode.OTLPProto), nested(pb{}.uint(1, 1), tc.deep, field))
			if (err == nil) != (tc.want == encode.TooDeep) {
				t.Errorf("damaged %d deep in field %d: %v", tc.deep, field, err)
			}
		}
	}
}

// The bound of values is one of each record.
func TestOTLPProtoManyValues(t *testing.T) {
	const n = 1<<19 + 1
	body := pb{}.msg(5, pb{}.msg(5, bytes.Repeat(pb{}.str(1, ""), n)))
	msg := append(inRecord(body), inRecord(body)...)
	records := 0
	err := new(decode.OTLPProto).Decode(msg, func(r *record.Record) {
		if len(r.Body.AsSlice()) == n {
			records++
		}
	})
	if err != nil || records != 2 {
		t.Errorf("%d records, %v", records, err)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What a message claims costs nothing, and neither does one that is not sound.
func TestOTLPProtoRefusesWithoutMemory(t *testing.T) {
	claim := binary.AppendUvarint(pb{5<<3 | 2}, 1<<30)
	big := pb{}.msg(1, pb{}.msg(2, pb{}.msg(2, pb{}.msg(5, pb{}.str(1, strings.Repeat("x", 8<<20)))).msg(2, claim)))
	for _, msg := range [][]byte{inRecord(claim), big} {
		var d decode.OTLPProto
		var err error
		if n := allocated(func() { err = d.Decode(msg, func(*record.Record) {}) }); n > 64<<10 || err == nil {
			t.Errorf("%d bytes allocated, error %v", n, err)
		}
	}
}

// A record kept keeps neither the input nor its neighbours.
func TestOTLPProtoRetainsNothing(t *testing.T) {
	var d decode.OTLPProto
	msg := marshal(t, everyField())
	all, err := decodeProto(&d, msg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		msg[i] = 'X'
	}
	if diff := cmp.Diff(decodeAsJSON(t, everyField()), all, sameValue, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("after the input was overwritten (-want +got):\n%s", diff)
	}
	runtime.KeepAlive(all)

	const size = 32 << 20
	msg = pb{}.msg(1, pb{}.msg(2, pb{}.msg(2, pb{}.msg(5, pb{}.str(1, "kept"))).msg(2, pb{}.msg(5, pb{}.str(1, strings.Repeat("x", size))))))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var kept record.Record
	if err := new(decode.OTLPProto).Decode(msg, func(r *record.Record) {
		if r.Body.AsString() == "kept" {
			kept = r.Clone()
		}
	}); err != nil {
		t.Fatal(err)
	}
	if after := heap(); after > before+size/2 {
		t.Errorf("a small record keeps %d bytes", after-before)
	}
	if kept.Body.AsString() != "kept" {
		t.Error("the record was not found")
	}
	runtime.KeepAlive(msg)
}

// Nothing of one record may be left in the next, nor of one message.
func TestOTLPProtoNothingIsLeftOver(t *testing.T) {
	var shared decode.OTLPProto
	many := inRecord(bytes.Repeat(pb{}.msg(6, pb{}.str(1, "k")), 5000))
	for range 2 {
		for _, msg := range [][]byte{marshal(t, everyField()), inRecord(nil), inRecord(pb{}.uint(5, 1)), many, inRecord(pb{}.msg(5, pb{}.str(1, "x")))} {
			want, wantErr := decodeProto(new(decode.OTLPProto), msg)
			all, err := decodeProto(&shared, msg)
			if diff := cmp.Diff(want, all, sameValue, cmpopts.EquateEmpty()); diff != "" || (err == nil) != (wantErr == nil) {
				t.Errorf("%v (-fresh +reused):\n%s", err, diff)
			}
		}
	}
}

// One large record must not cost memory for ever.
func TestOTLPProtoForgetsLargeRecords(t *testing.T) {
	var d decode.OTLPProto
	small := func(r *record.Record) {
		if n := cap(r.Attributes); n > 5000 {
			t.Errorf("room for %d attributes behind a large record", n)
		}
	}
	if err := d.Decode(inRecord(bytes.Repeat(pb{}.msg(6, nil), 100_000)), func(*record.Record) {}); err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(inRecord(nil), small); err != nil {
		t.Fatal(err)
	}
}
