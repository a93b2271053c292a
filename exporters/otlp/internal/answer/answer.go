// Package answer reads what servers of OTLP answer. Texts come back as they are,
// for [httpclient.Cleaner] to make fit for an error.
package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed2f724858/sluice/exporters"
)

// Success is an ExportLogsServiceResponse. That nothing was rejected, with a
// message or without, is full success.
type Success struct {
	// Rejected counts the log records that the server did not take.
	Rejected int64
	// Message says why, or gives advice.
	Message string
}

// Err returns nil for full success, else the error with which a Sink tells
// what became of sent records; clean makes the message fit for it.
func (s Success) Err(sent int, clean func(string) string) error {
	if s.Rejected <= 0 {
		return nil
	}
	var words error
	if s.Message != "" {
		words = errors.New(clean(s.Message))
	}
	return exporters.Rejected(int(min(s.Rejected, int64(sent))), words)
}

// Field numbers of logs_service.proto and status.proto.
const (
	partialSuccess = 1 // in ExportLogsServiceResponse
	rejected       = 1 // in ExportLogsPartialSuccess
	errorMessage   = 2
	statusMessage  = 2 // in google.rpc.Status
)

// Proto reads an ExportLogsServiceResponse in protobuf.
func Proto(msg []byte) (Success, error) {
	var s Success
	var text []byte
	err := fields(msg, func(num protowire.Number, f field) error {
		if num != partialSuccess || f.typ != protowire.BytesType {
			return nil
		}
		return fields(f.bytes, func(num protowire.Number, f field) error {
			switch {
			case num == rejected && f.typ == protowire.VarintType:
				s.Rejected = int64(f.varint)
			case num == errorMessage && f.typ == protowire.BytesType:
				text = f.bytes
			}
			return nil
		})
	})
	if err != nil {
		return Success{}, fmt.Errorf("no ExportLogsServiceResponse: %w", err)
	}
	s.Message = string(text)
	return s, nil
}

// JSON reads an ExportLogsServiceResponse in OTLP's JSON form.
func JSON(msg []byte) (Success, error) {
	var r struct {
		PartialSuccess struct {
			RejectedLogRecords jsonInt `json:"rejectedLogRecords"`
			ErrorMessage       string  `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if len(msg) == 0 {
		return Success{}, nil
	}
	if err := json.Unmarshal(msg, &r); err != nil {
		return Success{}, fmt.Errorf("no ExportLogsServiceResponse: %w", err)
	}
	p := r.PartialSuccess
	return Success{Rejected: int64(p.RejectedLogRecords), Message: p.ErrorMessage}, nil
}

// jsonInt is an int64 of protobuf's JSON, a string, or a number as some
// servers write it.
type jsonInt int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *jsonInt) UnmarshalJSON(text []byte) error {
	s := string(text)
	if s == "null" {
		return nil
	}
	if len(s) > 1 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return errors.New("rejectedLogRecords is no integer")
	}
	*n = jsonInt(v)
	return nil
}

// StatusProto returns the message of a google.rpc.Status in protobuf, "" if msg
// is none.
func StatusProto(msg []byte) string {
	var text []byte
	err := fields(msg, func(num protowire.Number, f field) error {
		if num == statusMessage && f.typ == protowire.BytesType {
			text = f.bytes
		}
		return nil
	})
	// Nearly any short text is protobuf of some kind; this one is text.
	if err != nil || !utf8.Valid(text) {
		return ""
	}
	return string(text)
}

// StatusJSON is StatusProto for OTLP's JSON form.
func StatusJSON(msg []byte) string {
	var s struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(msg, &s) != nil {
		return ""
	}
	return s.Message
}

// field is the value of one field of a message, by its type.
type field struct {
	typ    protowire.Type
	varint uint64
	bytes  []byte
}

// fields calls f for each field of msg.
func fields(msg []byte, f func(protowire.Number, field) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return protowire.ParseError(n)
		}
		msg = msg[n:]
		v := field{typ: typ}
		switch typ {
		case protowire.VarintType:
			v.varint, n = protowire.ConsumeVarint(msg)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		msg = msg[n:]
		if err := f(num, v); err != nil {
			return err
		}
	}
	return nil
}
