package ingest

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Formats are the names of the formats that lines may have.
var Formats = []string{"auto", "json", "logfmt", "text", "otlp_json"}

// Config says how lines become records.
type Config struct {
	// Format is one of Formats.
	Format string
	// Logger is the logger's name of lines that have none.
	Logger string
	// PythonLevels reads numeric levels as Python's logging counts them.
	PythonLevels bool
}

// Feed makes records of lines and hands them to a pipeline.
type Feed struct {
	decoder  *decode.Decoder
	logger   string
	received atomic.Uint64
}

// NewFeed returns a Feed; the error is that of an unknown format.
func NewFeed(c Config) (*Feed, error) {
	d, err := decode.New(c.Format, decode.Options{PythonLevels: c.PythonLevels, Severity: log.SeverityInfo})
	if err != nil {
		return nil, err
	}
	return &Feed{decoder: d, logger: c.Logger}, nil
}

// Run emits a record for each line of in, and returns in's error unless that
// is its end. It waits wherever the pipeline's queues do. Run is called once.
func (f *Feed) Run(in io.Reader, p *processors.Pipeline) error {
	lines := decode.NewLines(in, decode.MaxLine)
	loggers := newLoggers(p, f.logger)
	emit := func(r *record.Record, logger string) {
		f.received.Add(1)
		// The pipeline reports and counts what goes wrong itself.
		loggers.get(r.Origin, logger).Emit(context.Background(), r)
	}
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.decoder.Decode(line, emit)
	}
}

// Received counts the records made so far: one a line, except that a line of
// OTLP may hold any number and a part of a cut line counts by itself.
func (f *Feed) Received() uint64 { return f.received.Load() }
