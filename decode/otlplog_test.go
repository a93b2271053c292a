package decode_test

import (
	"bytes"
	"strings"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// decodeParts reads each record of m, its resource and its scope apart.
func decodeParts(t *testing.T, d *decode.OTLPProto, m *logspb.LogsData) (all []got) {
	t.Helper()
	for _, rl := range m.ResourceLogs {
		resource := marshal(t, &logspb.ResourceLogs{Resource: rl.Resource, SchemaUrl: rl.SchemaUrl})
		for _, sl := range rl.ScopeLogs {
			o, err := d.Origin(resource, marshal(t, &logspb.ScopeLogs{Scope: sl.Scope, SchemaUrl: sl.SchemaUrl}))
			if err != nil {
				t.Fatalf("origin: %v", err)
			}
			for _, lr := range sl.LogRecords {
				all = append(all, decodeLog(t, d, marshal(t, lr), o))
			}
		}
	}
	return all
}

func decodeLog(t *testing.T, d *decode.OTLPProto, msg []byte, o *record.Origin) got {
	t.Helper()
	r, err := d.Log(msg, o)
	if err != nil {
		t.Fatalf("log: %v", err)
	}
	c := r.Clone()
	if c.Observed.IsZero() {
		c.Observed = now
	}
	return got{c, c.Logger()}
}

// FuzzOTLPLog holds that parts give the records, and are refused for the
// reasons, that they do in a whole message.
func FuzzOTLPLog(f *testing.F) {
	f.Add(marshal(f, everyField()))
	rl := everyField().ResourceLogs[0]
	f.Add(marshal(f, &logspb.ResourceLogs{Resource: rl.Resource, SchemaUrl: rl.SchemaUrl}))
	f.Add(marshal(f, rl.ScopeLogs[0]))
	f.Add(marshal(f, rl.ScopeLogs[0].LogRecords[0]))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d decode.OTLPProto
		sameRefusal := func(what string, err error, whole []byte) bool {
			_, wholeErr := decodeProto(&d, whole)
			if (err == nil) != (wholeErr == nil) {
				t.Fatalf("as a %s: error %v, in a message %v", what, err, wholeErr)
			}
			return err == nil
		}
		_, err := d.Origin(data, nil)
		sameRefusal("resource", err, pb{}.msg(1, data))
		_, err = d.Origin(nil, data)
		sameRefusal("scope", err, pb{}.msg(1, pb{}.msg(2, data)))
		_, err = d.Log(data, nil)
		if sameRefusal("log", err, inRecord(data)) {
			want, err := decodeProto(&d, inRecord(data))
			if one := []got{decodeLog(t, &d, data, nil)}; err != nil || !bytes.Equal(lines(one), lines(want)) {
				t.Errorf("%v: got %s\nwant %s", err, lines(one), lines(want))
			}
		}

		g := protoGenerator{data}
		var m logspb.LogsData
		if proto.Unmarshal(g.message(m.ProtoReflect().Descriptor(), 0), &m) == nil {
			compareParts(t, &m)
		}
	})
}

func compareParts(t *testing.T, m *logspb.LogsData) {
	t.Helper()
	var d decode.OTLPProto
	want, err := decodeProto(&d, marshal(t, m))
	if err != nil {
		t.Fatal(err)
	}
	all := decodeParts(t, &d, m)
	if !bytes.Equal(lines(all), lines(want)) {
		t.Errorf("got %s\nwant %s", lines(all), lines(want))
	}
	for i := range all {
		if all[i].Record.Origin != want[i].Record.Origin {
			t.Errorf("record %d has another origin than in the whole message", i)
		}
	}
}

func TestOTLPLog(t *testing.T) { compareParts(t, everyField()) }

// What was encoded in parts comes back as it was.
func TestOTLPLogRoundTrip(t *testing.T) {
	want, err := decodeProto(new(decode.OTLPProto), marshal(t, everyField()))
	if err != nil {
		t.Fatal(err)
	}
	enc, d := encode.OTLPProto(), new(decode.OTLPProto)
	var all []got
	for i := range want {
		r := &want[i].Record
		o, err := d.Origin(enc.AppendResourceFields(nil, r.Origin), enc.AppendScopeFields(nil, r.Origin))
		if err != nil {
			t.Fatal(err)
		}
		if (o == nil) != (r.Origin == nil) {
			t.Errorf("record %d: origin %v, want %v", i, o, r.Origin)
		}
		all = append(all, decodeLog(t, d, enc.AppendLog(nil, r), o))
	}
	if !bytes.Equal(lines(all), lines(want)) {
		t.Errorf("got %s\nwant %s", lines(all), lines(want))
	}
}

func TestOTLPLogErrors(t *testing.T) {
	var d decode.OTLPProto
	long := make([]byte, decode.MaxMessage+1)
	for _, tc := range []struct {
		name, want string
		call       func() (any, error)
	}{
		{"log", "decode: read OTLP LogRecord: body at byte 0: wire type 0, want 2", func() (any, error) { return d.Log(pb{}.uint(5, 1), nil) }},
		{"long log", "LogRecord: 67108865 bytes: the limit is 67108864", func() (any, error) { return d.Log(long, nil) }},
		{"cut resource", "ResourceLogs: resource at byte 0: 9 bytes long where 0 are left", func() (any, error) { return d.Origin(pb{1<<3 | 2, 9}, nil) }},
		{"long resource", "ResourceLogs: 67108865 bytes", func() (any, error) { return d.Origin(long, nil) }},
		{"scope", "InstrumentationScope: name at byte 2: wire type 0, want 2", func() (any, error) { return d.Origin(nil, pb{}.msg(1, pb{}.uint(1, 1))) }},
		{"long scope", "ScopeLogs: 67108865 bytes", func() (any, error) { return d.Origin(nil, long) }},
		{
			"many values in both", "InstrumentationScope: attributes at byte",
			func() (any, error) {
				half := bytes.Repeat(pb{}.str(1, ""), 1<<19+1)
				return d.Origin(pb{}.msg(1, half), pb{}.msg(1, bytes.Repeat(pb{}.str(3, ""), 1<<19)))
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := tc.call(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// A record costs the copy of its text, a known origin nothing.
func TestOTLPLogAllocations(t *testing.T) {
	m := everyField()
	rl := m.ResourceLogs[0]
	resource := marshal(t, &logspb.ResourceLogs{Resource: rl.Resource, SchemaUrl: rl.SchemaUrl})
	scope := marshal(t, &logspb.ScopeLogs{Scope: rl.ScopeLogs[0].Scope, SchemaUrl: rl.ScopeLogs[0].SchemaUrl})
	var bench logspb.LogsData
	if err := proto.Unmarshal(benchMessage(t, 1), &bench); err != nil {
		t.Fatal(err)
	}
	msg := marshal(t, bench.ResourceLogs[0].ScopeLogs[0].LogRecords[0])
	var d decode.OTLPProto
	if n := testing.AllocsPerRun(100, func() {
		o, err := d.Origin(resource, scope)
		if err != nil || o == nil {
			t.Fatal(o, err)
		}
		if _, err := d.Log(msg, o); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}
