package answer_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
)

// schema is the part of logs_service.proto that answers are made of. Its
// generated code would bring gRPC and its gateway along.
const schema = `
	name: "logs_service.proto" package: "otlp" syntax: "proto3"
	message_type: {
		name: "ExportLogsServiceResponse"
		field: {name: "partial_success" json_name: "partialSuccess" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".otlp.ExportLogsPartialSuccess"}
	}
	message_type: {
		name: "ExportLogsPartialSuccess"
		field: {name: "rejected_log_records" json_name: "rejectedLogRecords" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64}
		field: {name: "error_message" json_name: "errorMessage" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING}
	}`

// response is an ExportLogsServiceResponse of protobuf's own library.
type response struct{ proto.Message }

func newResponse(t testing.TB) response {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(schema), &file); err != nil {
		t.Fatal(err)
	}
	desc, err := protodesc.NewFile(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return response{dynamicpb.NewMessage(desc.Messages().ByName("ExportLogsServiceResponse"))}
}

func (r response) field(name protoreflect.Name) protoreflect.Value {
	top := r.ProtoReflect()
	partial := top.Get(top.Descriptor().Fields().ByName("partial_success")).Message()
	return partial.Get(partial.Descriptor().Fields().ByName(name))
}

func (r response) success() answer.Success {
	return answer.Success{
		Rejected: r.field("rejected_log_records").Int(),
		Message:  r.field("error_message").String(),
	}
}

func (r response) read(t testing.TB, text string) response {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), r.Message); err != nil {
		t.Fatal(err)
	}
	return r
}

func full(t testing.TB, text string) []byte { return marshal(t, newResponse(t).read(t, text).Message) }

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSuccess(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         ``,
		"empty partial": `partial_success: {}`,
		"advice":        `partial_success: {error_message: "use gzip"}`,
		"rejected":      `partial_success: {rejected_log_records: 3 error_message: "too old"}`,
		"without words": `partial_success: {rejected_log_records: 1099511627776}`,
		"negative":      `partial_success: {rejected_log_records: -1 error_message: "?"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newResponse(t).read(t, text)
			if got, err := answer.Proto(marshal(t, r.Message)); err != nil || got != r.success() {
				t.Errorf("protobuf: %+v, %v; want %+v", got, err, r.success())
			}
			text, err := protojson.Marshal(r.Message)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := answer.JSON(text); err != nil || got != r.success() {
				t.Errorf("JSON %s: %+v, %v; want %+v", text, got, err, r.success())
			}
		})
	}
}

func TestJSONForms(t *testing.T) {
	for in, want := range map[string]int64{
		"":                        0,
		"{}":                      0,
		`{"partialSuccess":{}}`:   0,
		`{"partialSuccess":null}`: 0,
		`{"partialSuccess":{"rejectedLogRecords":7}}`:                    7,
		`{"partialSuccess":{"rejectedLogRecords":"7","more":[1]},"x":1}`: 7,
		`{"partialSuccess":{"rejectedLogRecords":null}}`:                 0,
	} {
		if got, err := answer.JSON([]byte(in)); err != nil || got.Rejected != want {
			t.Errorf("%s: %+v, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"<html>", "[]", `{"partialSuccess":{"rejectedLogRecords":"many"}}`, `{"partialSuccess":{"rejectedLogRecords":1.5}}`} {
		if got, err := answer.JSON([]byte(in)); err == nil {
			t.Errorf("%s: %+v", in, got)
		}
	}
}

func TestErr(t *testing.T) {
	for _, c := range []struct {
		rejected int64
		sent     int
		want     int
	}{{0, 5, 0}, {-1, 5, 0}, {2, 5, 2}, {5, 5, 5}, {1 << 62, 5, 5}} {
		err := answer.Success{Rejected: c.rejected, Message: "why"}.Err(c.sent, strings.ToUpper)
		if c.want == 0 {
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		kind, n := exporters.Classify(err)
		if kind != exporters.KindRejected || n != c.want || !strings.Contains(err.Error(), "WHY") {
			t.Errorf("%+v: %v, %d, %v", c, kind, n, err)
		}
	}
}

func TestStatus(t *testing.T) {
	// code 3, message "bad log", and a detail, as google.rpc.Status has them.
	status := append([]byte{1 << 3, 3, 2<<3 | 2, 7}, "bad log\x1a\x02\x0a\x00"...)
	if got := answer.StatusProto(status); got != "bad log" {
		t.Errorf("%q", got)
	}
	for _, in := range []string{"", "bad request", "\x12\xff", "\x12\x02\xff\xfe", "\x10\x01"} {
		if got := answer.StatusProto([]byte(in)); got != "" {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := answer.StatusJSON([]byte(`{"code":3,"message":"bad log","details":[]}`)); got != "bad log" {
		t.Errorf("%q", got)
	}
	if got := answer.StatusJSON([]byte("nonsense")); got != "" {
		t.Errorf("%q", got)
	}
}

// What is read is what protobuf's own library reads.
func FuzzProto(f *testing.F) {
	rejected := full(f, `partial_success: {rejected_log_records: 3 error_message: "too old"}`)
	f.Add([]byte(nil))
	f.Add(rejected)
	f.Add(append(rejected, full(f, `partial_success: {error_message: "b"}`)...))
	f.Add([]byte{0x0a, 0x05, 0x08})
	f.Fuzz(func(t *testing.T, msg []byte) {
		got, err := answer.Proto(msg)
		_ = answer.StatusProto(msg)
		want := newResponse(t)
		if proto.Unmarshal(msg, want.Message) != nil {
			return // we are less strict: about UTF-8, say
		}
		if err != nil || got != want.success() {
			t.Errorf("%+v, %v; want %v", got, err, want)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}`))
	f.Add([]byte(`{"message":"m"}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		_, err := answer.JSON(msg)
		_ = answer.StatusJSON(msg)
		if err == nil && len(bytes.TrimSpace(msg)) > 0 && !json.Valid(msg) {
			t.Error("took what is no JSON")
		}
	})
}
