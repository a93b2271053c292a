package decode_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// FuzzOTLPProto holds that what the generated code reads is read alike, by
// way of JSON, and that nothing is yielded for what is refused. It reads data
// as it is and a message generated from it, as random bytes are seldom one.
func FuzzOTLPProto(f *testing.F) {
	f.Add(marshal(f, everyField()))
	f.Add([]byte(inRecord(pb{}.msg(5, pb{}.msg(5, pb{}.msg(1, pb{}.str(1, "a")))).msg(5, pb{}.msg(5, pb{}.msg(1, pb{}.uint(3, 1)))))))
	f.Add([]byte(inRecord(pb{}.msg(6, pb{}.str(1, "k").msg(2, pb{}.fixed64(4, 1<<62))).uint(7, 3).fixed32(8, 1).str(9, "0123456789abcdef").str(12, "e"))))
	f.Add([]byte(pb{}.msg(1, pb{}.msg(1, pb{}.msg(1, pb{}.str(1, "r"))).msg(2, pb{}.msg(2, nil).msg(1, pb{}.str(1, "s"))).str(3, "u")).uint(9, 1)))
	for i := range 8 {
		noise := make([]byte, 4096)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(noise)
		f.Add(noise)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compareProto(t, data)
		g := protoGenerator{data}
		msg := g.message((*logspb.LogsData)(nil).ProtoReflect().Descriptor(), 0)
		if _, err := decodeProto(new(decode.OTLPProto), msg); err != nil {
			t.Errorf("of a sound message: %v\n%x", err, msg)
		}
		compareProto(t, msg)
	})
}

func compareProto(t *testing.T, data []byte) {
	var d decode.OTLPProto
	all, err := decodeProto(&d, data)
	if err != nil && len(all) != 0 {
		t.Fatalf("%d records and %v", len(all), err)
	}
	var m logspb.LogsData
	if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &m) != nil {
		return // Perhaps not UTF-8 only.
	}
	plain, plainErr := decodeProto(&d, marshal(t, &m))
	if plainErr != nil {
		t.Fatalf("of what generated code has written: %v", plainErr)
	}
	text := lines(plain)
	// The generated code takes wrong wire types and groups for unknown fields.
	if err == nil && !bytes.Equal(lines(all), text) {
		t.Errorf("got %s\nwant %s", lines(all), text)
	}
	var recs []record.Record
	for i := range plain {
		recs = append(recs, plain[i].Record)
	}
	if back, err := decodeProto(&d, encode.OTLPProto().AppendBatch(nil, recs)); err != nil || !bytes.Equal(lines(back), text) {
		t.Errorf("%v: got %s\nencoded %s", err, lines(back), text)
	}
	if bytes.Contains(text, []byte(encode.TooDeep)) {
		return // JSON keeps the text there.
	}
	if want := lines(decodeAsJSON(t, &m)); !bytes.Equal(text, want) {
		t.Errorf("got %s\nfrom JSON %s", text, want)
	}
}

// protoGenerator makes messages from random bytes: fields of the schema in any
// order and number, and unknown ones.
type protoGenerator struct{ data []byte }

func (g *protoGenerator) n(below int) int {
	if len(g.data) == 0 {
		return 0
	}
	n := int(g.data[0]) % below
	g.data = g.data[1:]
	return n
}

func (g *protoGenerator) message(d protoreflect.MessageDescriptor, depth int) (b pb) {
	fields := d.Fields()
	for n := g.n(6); n > 0; n-- {
		i := g.n(fields.Len() + 1)
		if i == fields.Len() {
			b = b.uint(protowire.Number(1000+g.n(100)), uint64(g.n(256)))
			continue
		}
		field := fields.Get(i)
		num := field.Number()
		switch field.Kind() {
		case protoreflect.MessageKind:
			if depth < 4*encode.MaxDepth {
				b = b.msg(num, g.message(field.Message(), depth+1))
			}
		case protoreflect.StringKind, protoreflect.BytesKind:
			b = b.str(num, "0123456789abcdef"[:g.n(17)])
		case protoreflect.Fixed64Kind, protoreflect.DoubleKind:
			b = b.fixed64(num, uint64(g.n(256))<<(8*g.n(8)))
		case protoreflect.Fixed32Kind:
			b = b.fixed32(num, uint32(g.n(256))<<(8*g.n(4)))
		default:
			b = b.uint(num, uint64(g.n(256))<<(8*g.n(8)))
		}
	}
	return b
}

// lines are the records in JSON: NaN, which is not equal to itself, can so be
// compared.
func lines(all []got) (out []byte) {
	enc := encode.OTLPJSON()
	for i := range all {
		out = enc.Append(out, &all[i].Record)
	}
	return out
}

// pb builds messages that no generated code would.
type pb []byte

func (b pb) tag(num protowire.Number, typ protowire.Type) pb {
	return protowire.AppendTag(b[:len(b):len(b)], num, typ)
}
func (b pb) uint(num protowire.Number, n uint64) pb {
	return protowire.AppendVarint(b.tag(num, protowire.VarintType), n)
}
func (b pb) fixed64(num protowire.Number, n uint64) pb {
	return protowire.AppendFixed64(b.tag(num, protowire.Fixed64Type), n)
}
func (b pb) fixed32(num protowire.Number, n uint32) pb {
	return protowire.AppendFixed32(b.tag(num, protowire.Fixed32Type), n)
}
func (b pb) str(num protowire.Number, s string) pb { return b.msg(num, pb(s)) }
func (b pb) msg(num protowire.Number, m pb) pb {
	return protowire.AppendBytes(b.tag(num, protowire.BytesType), m)
}

// inRecord returns a message with that one record.
func inRecord(rec pb) pb { return pb{}.msg(1, pb{}.msg(2, pb{}.msg(2, rec))) }
