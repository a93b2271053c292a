package terminal

import (
	"errors"
	"io"

	"github.com/seed2f724858/sluice/exporters"
)

// Config are the settings of the terminal exporter.
type Config struct {
	// Format is pretty, text, json or logfmt; empty means pretty on a terminal
	// and json elsewhere.
	Format string `yaml:"format"`
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

// Validate reports what is wrong with c.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("stream", c.Stream, "stdout", "stderr"),
		exporters.OneOf("color", c.Color, "auto", "always", "never"),
	}
	if c.Format != "" {
		errs = append(errs, exporters.OneOf("format", c.Format, "pretty", "text", "json", "logfmt"))
	}
	return errors.Join(errs...)
}
