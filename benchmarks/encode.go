package main

import (
	"bytes"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap/zapcore"

	"github.com/seed2f724858/sluice/encode"
)

// The contestants of the encoding measurement.
const (
	encodeZap    = "zap JSON encoder"
	encodeSluice = "sluice encode.JSON"
)

// encoder returns a function that encodes the record n times and returns the
// last line.
func encoder(contestant string) (func(n int) ([]byte, error), error) {
	switch contestant {
	case encodeZap:
		enc := zapEncoder()
		entry := zapcore.Entry{Level: zapcore.InfoLevel, Time: time.Now().UTC(), LoggerName: loggerName, Message: message}
		fields := zapFields(1)
		return func(n int) (line []byte, err error) {
			for i := range n {
				buf, err := enc.EncodeEntry(entry, fields)
				if err != nil {
					return nil, err
				}
				if i == n-1 {
					line = bytes.Clone(buf.Bytes())
				}
				buf.Free()
			}
			return line, nil
		}, nil
	case encodeSluice:
		enc, err := encode.New("json", encode.Options{})
		if err != nil {
			return nil, err
		}
		r := prebuilt(1)[0]
		r.Attributes[1] = attribute.Int(keyID, 1)
		var line []byte
		return func(n int) ([]byte, error) {
			for range n {
				line = enc.Append(line[:0], &r)
			}
			return line, nil
		}, nil
	}
	return nil, fmt.Errorf("no encoder is called %q", contestant)
}

func runEncode(j job) (result, error) {
	f, err := encoder(j.Contestant)
	if err != nil {
		return result{}, err
	}
	line, err := f(chunk)
	if err != nil {
		return result{}, err
	}
	loop := func(_, n int) {
		_, err = f(n)
	}
	r := timed(1, j.Duration, loop)
	r.Bytes = float64(len(line))
	return r, err
}
