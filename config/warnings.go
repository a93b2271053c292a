package config

import (
	"reflect"
	"strings"

	"go.opentelemetry.io/otel"

	"github.com/seed2f724858/sluice/exporters"
)

// warner are settings that are valid and may still not be what was meant. Its
// errors are like those of Validate, and show nothing of the settings.
type warner interface{ Warnings() error }

// warn notes what is valid and probably not meant.
func (d *decoder) warn(n *node, msg, hint string) {
	d.warnings.add(&Error{File: d.file, Line: n.line, Column: n.column, Path: n.path(), Msg: msg, Hint: hint})
}

// doubt notes what Warnings says of the settings of n.
func (d *decoder) doubt(n *node, settings any) {
	w, ok := settings.(warner)
	if !ok {
		return
	}
	if err := w.Warnings(); err != nil {
		for _, msg := range messages(err) {
			at, msg := locate(n, msg)
			msg, hint := advise(d.secrets.hide(msg))
			d.warn(at, msg, hint)
		}
	}
}

var secretType = reflect.TypeFor[exporters.Secret]()

// doubtSecret notes a secret of which a part is missing because a variable of
// the environment is not set: a token in a header, say, that stays a bare
// "Bearer ". A plain setting without a value is one that is not given; listed
// means that it is one of several with names, which was meant to be given.
func (d *decoder) doubtSecret(n *node, listed bool) {
	if len(n.unset) == 0 || n.kind == nullKind && !listed {
		return
	}
	reference := n.unset[0]
	msg := reference + " is not set: the value lacks it"
	if n.kind == nullKind {
		msg = reference + " is not set: this one is left out"
	}
	d.warn(n, msg, "set the variable, or write "+strings.TrimSuffix(reference, "}")+":-} if that is meant")
}

// Warnings returns what is valid in the document, and probably not what was
// meant: an endpoint that receivers do not have, a header whose variable is not
// set. [Document.Start] tells them to OpenTelemetry's error handler.
func (d *Document) Warnings() Errors { return d.warnings }

// tell reports warnings.
func (e Errors) tell() {
	for _, warning := range e {
		otel.Handle(warning)
	}
}
