package terminal

import (
	"errors"
	"io"
	"slices"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
)

// Config are the settings of the terminal exporter.
type Config struct {
	// Format is pretty, text, json or logfmt; empty means pretty on a terminal
	// and json elsewhere.
	Format string `yaml:"format"`
	// Template is what lines of the format text look like, with fields in
	// braces: "{local_time:15:04:05} {level<5} {message} {attributes}". The
	// fields are those of [encode.Options].
	Template string `yaml:"template"`
	// Stream is stdout, as OpenTelemetry's console exporter has it, or stderr.
	Stream string `yaml:"stream"`
	// Color is auto, always or never; only the pretty format has colours. auto
	// means on a terminal, unless NO_COLOR (https://no-color.org) is set or
	// TERM is dumb; FORCE_COLOR colours what is no terminal, too.
	Color string `yaml:"color"`

	// Writer, when not nil, takes the place of Stream. It is not closed.
	Writer io.Writer `yaml:"-"`
}

// DefaultConfig writes to standard output, readable and coloured if that is a
// terminal.
func DefaultConfig() Config { return Config{Stream: "stdout", Color: "auto"} }

var formats = []string{"pretty", "text", "json", "logfmt"}

// Validate reports what is wrong with c.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("stream", c.Stream, "stdout", "stderr"),
		exporters.OneOf("color", c.Color, "auto", "always", "never"),
	}
	if c.Format != "" {
		errs = append(errs, exporters.OneOf("format", c.Format, formats...))
	}
	switch {
	case c.Template == "":
	case c.Format == "":
		errs = append(errs, errors.New("template: the default format has none: write format: text"))
	case slices.Contains(formats, c.Format):
		_, err := encode.New(c.Format, encode.Options{Template: c.Template})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
