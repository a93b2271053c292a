package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/seed2f724858/sluice/exporters"
)

// Metric is one of the figures by which OpenTelemetry tells of a pipeline, with
// a point for each exporter or step and, where there are several, each cause.
type Metric struct {
	// Name, Unit and Description are the semantic conventions' where they have
	// the metric, and begin with "sluice." where they do not.
	Name, Unit, Description string
	// Monotonic metrics count; the others go up and down.
	Monotonic bool
	Points    []Point
}

// Point is one value of a [Metric].
type Point struct {
	Value      int64
	Attributes attribute.Set
}

// Keys of attributes. The cause of a drop is an error's type by the semantic
// conventions; a step that stops a record is no error.
const (
	componentName = attribute.Key("otel.component.name")
	componentType = attribute.Key("otel.component.type")
	errorTypeKey  = attribute.Key("error.type")
	causeKey      = attribute.Key("sluice.cause")
)

// alreadyShutdown is what the semantic conventions call CauseShutdown.
const alreadyShutdown = "already_shutdown"

// conventional is a metric that the semantic conventions define.
type conventional interface {
	Name() string
	Unit() string
	Description() string
}

// Metrics returns the books as metrics, always the same ones in the same order.
//
// A record counts as processed when its fate is known, not when it is handed to
// the exporter, so that the counters never go back; error.type of processed is
// queue_full or already_shutdown, that of exported is any other cause.
func (s Stats) Metrics() []Metric {
	standard := func(c conventional, monotonic bool) Metric {
		return Metric{Name: c.Name(), Unit: c.Unit(), Description: c.Description(), Monotonic: monotonic}
	}
	own := func(name, unit, description string, monotonic bool) Metric {
		return Metric{Name: "sluice." + name, Unit: unit, Description: description, Monotonic: monotonic}
	}
	const records = "{log_record}"
	var (
		size      = standard(otelconv.SDKProcessorLogQueueSize{}, false)
		capacity  = standard(otelconv.SDKProcessorLogQueueCapacity{}, false)
		processed = standard(otelconv.SDKProcessorLogProcessedObservable{}, true)
		inflight  = standard(otelconv.SDKExporterLogInflightObservable{}, false)
		exported  = standard(otelconv.SDKExporterLogExportedObservable{}, true)

		detoured  = own("exporter.detoured", records, "The number of log records that another exporter than the first of a failover took.", true)
		switches  = own("exporter.switches", "{switch}", "The number of times that log records began to go to another exporter of a failover.", true)
		recovered = own("spool.recovered", records, "The number of log records that were found on disk, left by an earlier process.", true)
		spooled   = own("spool.waiting", records, "The number of log records that wait on disk.", false)
		spoolSize = own("spool.size", "By", "The disk space that a queue takes.", false)
		spoolCap  = own("spool.capacity", "By", "The disk space that a queue may take.", false)

		filtered = own("pipeline.filtered", records, "The number of log records that the pipeline refused, by level or trace.", true)
		feedback = own("pipeline.feedback", records, "The number of log records that were stopped because an exporter of the pipeline itself logged them.", true)
		stopped  = own("step.stopped", records, "The number of log records that a step did not let pass.", true)
		held     = own("step.held", records, "The number of log records that a step keeps and may yet let pass.", false)
		heldSize = own("step.held.size", "By", "The memory of the log records that a step keeps.", false)
		released = own("step.released", records, "The number of log records that a step had kept and let pass later.", true)
		refused  = own("step.refused", "{trigger}", "The number of triggers that let no log record out, because there had been too many.", true)
		added    = own("step.added", records, "The number of log records that a step made itself.", true)
		changed  = own("step.changed", records, "The number of log records that a step changed.", true)
	)
	filtered.add(s.Filtered)
	feedback.add(s.Feedback)
	for _, e := range s.Exporters {
		name := componentName.String(e.Name)
		processor, exporter := componentType.String(e.Processor), componentType.String(e.Exporter)
		if e.QueueCapacity > 0 {
			size.add(e.Queued, name, processor)
			capacity.add(e.QueueCapacity, name, processor)
		}
		done := e.Delivered + e.Spooled
		exported.add(e.Delivered, name, exporter)
		for _, cause := range slices.Sorted(maps.Keys(e.Dropped)) {
			switch n := e.Dropped[cause]; cause {
			case CauseQueueFull:
				processed.add(n, name, processor, errorTypeKey.String(cause))
			case CauseShutdown:
				processed.add(n, name, processor, errorTypeKey.String(alreadyShutdown))
			default:
				exported.add(n, name, exporter, errorTypeKey.String(cause))
				done += n
			}
		}
		// What an earlier process had left went through no processor.
		processed.add(done-min(e.Recovered, done), name, processor)
		if e.SpoolCapacity > 0 {
			recovered.add(e.Recovered, name, exporter)
			spooled.add(e.Spooled, name, exporter)
			spoolSize.add(uint64(max(e.SpooledBytes, 0)), name, exporter)
			spoolCap.add(uint64(e.SpoolCapacity), name, exporter)
		}
		inflight.add(e.InFlight, name, exporter)
		if e.Switches > 0 || e.Detoured > 0 {
			detoured.add(e.Detoured, name, exporter)
			switches.add(e.Switches, name, exporter)
		}
	}
	for _, st := range s.Steps {
		name := componentName.String(st.Name)
		for _, cause := range slices.Sorted(maps.Keys(st.Stopped)) {
			stopped.add(st.Stopped[cause], name, causeKey.String(cause))
		}
		held.add(st.Held, name)
		heldSize.add(uint64(max(st.HeldBytes, 0)), name)
		released.add(st.Released, name)
		refused.add(st.Refused, name)
		added.add(st.Added, name)
		changed.add(st.Changed, name)
	}
	return []Metric{size, capacity, processed, inflight, exported, detoured, switches, recovered, spooled, spoolSize, spoolCap, filtered, feedback, stopped, held, heldSize, released, refused, added, changed}
}

func (m *Metric) add(n uint64, attrs ...attribute.KeyValue) {
	m.Points = append(m.Points, Point{int64(n), attribute.NewSet(attrs...)})
}

// meters are the instruments that a pipeline's metrics go to.
type meters struct {
	operation metric.Float64Histogram
	unhook    func() error
}

// newMeters registers the metrics of stats with a provider, OpenTelemetry's
// global one if it is nil.
func newMeters(provider metric.MeterProvider, stats func() Stats) (*meters, error) {
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	meter := provider.Meter("github.com/seed2f724858/sluice/processors", metric.WithSchemaURL(semconv.SchemaURL))
	m := &meters{}
	// The default boundaries are made for milliseconds.
	operation, err := otelconv.NewSDKExporterOperationDuration(meter,
		metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60))
	m.operation = operation.Float64Histogram
	errs := []error{err}

	var instruments []metric.Int64Observable
	for _, def := range (Stats{}).Metrics() {
		var i metric.Int64Observable
		if def.Monotonic {
			i, err = meter.Int64ObservableCounter(def.Name, metric.WithUnit(def.Unit), metric.WithDescription(def.Description))
		} else {
			i, err = meter.Int64ObservableUpDownCounter(def.Name, metric.WithUnit(def.Unit), metric.WithDescription(def.Description))
		}
		errs = append(errs, err)
		instruments = append(instruments, i)
	}
	if err := errors.Join(errs...); err != nil {
		return m, fmt.Errorf("processors: metrics: %w", err)
	}
	hook, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for i, m := range stats().Metrics() {
			for _, p := range m.Points {
				o.ObserveInt64(instruments[i], p.Value, metric.WithAttributeSet(p.Attributes))
			}
		}
		return nil
	}, observables(instruments)...)
	if err != nil {
		return m, fmt.Errorf("processors: metrics: %w", err)
	}
	m.unhook = hook.Unregister
	return m, nil
}

func observables(instruments []metric.Int64Observable) []metric.Observable {
	all := make([]metric.Observable, len(instruments))
	for i, in := range instruments {
		all[i] = in
	}
	return all
}

// close takes the callback back.
func (m *meters) close() error {
	if m.unhook == nil {
		return nil
	}
	return m.unhook()
}

// duration returns a function that records how long a Write took; errorType is
// empty for one that succeeded.
func (m *meters) duration(exporterType, name string) func(ctx context.Context, took time.Duration, errorType string) {
	success := metric.WithAttributeSet(attribute.NewSet(componentName.String(name), componentType.String(exporterType)))
	return func(ctx context.Context, took time.Duration, errorType string) {
		switch {
		case m.operation == nil || !m.operation.Enabled(ctx):
		case errorType == "":
			m.operation.Record(ctx, took.Seconds(), success)
		default:
			m.operation.Record(ctx, took.Seconds(), success, metric.WithAttributes(errorTypeKey.String(errorType)))
		}
	}
}

// errorType classifies the error of a Write in few words.
func errorType(err error, panicked bool) string {
	if err == nil {
		return ""
	}
	kind, rejected := exporters.Classify(err)
	switch {
	case panicked:
		return CausePanic
	case errors.Is(err, exporters.ErrClosed):
		return alreadyShutdown
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case kind == exporters.KindPermanent:
		return CausePermanent
	case kind == exporters.KindPoison:
		return CausePoison
	case rejected > 0:
		return CauseRejected
	default:
		return CauseError
	}
}
