package encode_test

import (
	"bytes"
	"math"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// encodeEach encodes each record apart, and each origin once.
func encodeEach(recs []record.Record) []encode.OTLPRecord {
	enc := encode.OTLPProto()
	origins := map[*record.Origin]*encode.OTLPOrigin{nil: nil}
	encoded := make([]encode.OTLPRecord, len(recs))
	for i := range recs {
		o := recs[i].Origin
		if _, ok := origins[o]; !ok {
			origins[o] = &encode.OTLPOrigin{Resource: enc.AppendResourceFields(nil, o), Scope: enc.AppendScopeFields(nil, o)}
		}
		encoded[i] = encode.OTLPRecord{Origin: origins[o], Log: enc.AppendLog(nil, &recs[i])}
	}
	return encoded
}

// shareEqualResources gives neighbours with equal resources the same one, as
// those that are encoded have.
func shareEqualResources(recs []record.Record) {
	enc := encode.OTLPProto()
	for i := range recs[1:] {
		before, o := recs[i].Origin, recs[i+1].Origin
		if resource(o) != resource(before) && bytes.Equal(enc.AppendResourceFields(nil, o), enc.AppendResourceFields(nil, before)) {
			o.Resource = before.Resource
		}
	}
}

// FuzzOTLPRecords holds that a request of records encoded before is, within
// every limit, the bytes of the request of the records themselves; and with a
// UID what it is with that attribute.
func FuzzOTLPRecords(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		checkOTLPRecords(t, fuzzRecords(&g))
	})
}

func TestOTLPRecords(t *testing.T) { checkOTLPRecords(t, samples()) }

func checkOTLPRecords(t *testing.T, recs []record.Record) {
	t.Helper()
	shareEqualResources(recs)
	enc := encode.OTLPProto()
	before := []byte("before")
	encoded := encodeEach(recs)
	for _, limit := range limits(enc, recs) {
		want, fits := enc.AppendUpTo(before, recs, limit)
		got, n := encode.AppendOTLPRecords(before, encoded, limit)
		if n != fits || !bytes.Equal(got, want) {
			t.Fatalf("within %d bytes: %d records, want %d:\ngot  %.5000x\nwant %.5000x", limit, n, fits, got, want)
		}
	}

	for i := range recs {
		uid := "uid \xff" + strconv.Itoa(i)
		encoded[i].UID = uid
		recs[i].Attributes = append(recs[i].Attributes[:len(recs[i].Attributes):len(recs[i].Attributes)], attribute.String("log.record.uid", uid))
	}
	for _, limit := range limits(enc, recs) {
		want, fits := enc.AppendUpTo(nil, recs, limit)
		got, n := encode.AppendOTLPRecords(nil, encoded, limit)
		if n != fits || len(got) != len(want) {
			t.Fatalf("with UIDs, within %d bytes: %d records in %d bytes, want %d in %d", limit, n, len(got), fits, len(want))
		}
		compareProto(t, got, unmarshalLogs(t, want))
	}
}

// limits returns those at which one record more fits, or just does not.
func limits(enc *encode.OTLPProtoEncoder, recs []record.Record) []int {
	all := []int{math.MinInt, 0, math.MaxInt}
	for n := range recs {
		size := len(enc.AppendBatch(nil, recs[:n+1]))
		all = append(all, size-1, size, size+1)
	}
	return all
}

func unmarshalLogs(t *testing.T, b []byte) *logspb.LogsData {
	t.Helper()
	var m logspb.LogsData
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// What no encoder made goes into a request as it is.
func TestOTLPRecordsWithoutParts(t *testing.T) {
	recs := []encode.OTLPRecord{{}, {Origin: &encode.OTLPOrigin{}}, {UID: "u"}}
	out, n := encode.AppendOTLPRecords(nil, recs, math.MaxInt)
	if n != len(recs) {
		t.Fatalf("%d records, want %d", n, len(recs))
	}
	got := unmarshalLogs(t, out)
	if len(got.ResourceLogs) != 1 || len(got.ResourceLogs[0].ScopeLogs) != 3 {
		t.Errorf("got %v, want one resource with three scopes", got)
	}
	if out, n := encode.AppendOTLPRecords(nil, nil, math.MaxInt); n != 0 || len(out) != 0 {
		t.Errorf("%d records in %x of none", n, out)
	}
}
