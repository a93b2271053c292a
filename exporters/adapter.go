package exporters

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/seed2f724858/sluice/record"
)

// The SDK's types under names of this package, so that destinations implement
// the SDK's exporter without importing the SDK.
type (
	// SDKRecord is the SDK's log record.
	SDKRecord = sdklog.Record
	// SDKExporter is the SDK's exporter interface; every destination is one.
	SDKExporter = sdklog.Exporter
)

// FromSDK fills dst with the content of src. It reuses the capacity of dst's
// attributes; what dst held before is lost. origin usually comes from
// [Origins.Of].
func FromSDK(dst *record.Record, src *sdklog.Record, origin *record.Origin) {
	attrs := dst.Attributes[:0]
	src.WalkAttributes(func(kv attribute.KeyValue) bool {
		attrs = append(attrs, kv)
		return true
	})
	// Field by field: a literal would be built aside and copied.
	dst.Timestamp = src.Timestamp()
	dst.Observed = src.ObservedTimestamp()
	dst.Severity = src.Severity()
	dst.SeverityText = src.SeverityText()
	dst.EventName = src.EventName()
	dst.Body = src.Body()
	dst.Attributes = attrs
	dst.Dropped = src.DroppedAttributes()
	dst.TraceID = src.TraceID()
	dst.SpanID = src.SpanID()
	dst.TraceFlags = src.TraceFlags()
	dst.Origin = origin
}

// maxOrigins bounds the cache; scope names may come from input.
const maxOrigins = 4096

// Origins turns the SDK's resources and scopes into origins: the same pointer
// for the same pair, until 4096 pairs have come by and the cache starts anew.
// The zero value is ready; all methods are safe for concurrent use.
type Origins struct {
	last      atomic.Pointer[originEntry]
	mu        sync.RWMutex
	entries   map[originKey]*originEntry
	resources map[*resource.Resource]*record.Resource
}

type originKey struct {
	resource *resource.Resource
	scope    instrumentation.Scope
}

type originEntry struct {
	key    originKey
	origin record.Origin
}

// Of returns the origin of src.
func (o *Origins) Of(src *sdklog.Record) *record.Origin {
	return o.Get(src.Resource(), src.InstrumentationScope())
}

// Get returns the origin made of res, which may be nil, and scope.
func (o *Origins) Get(res *resource.Resource, scope instrumentation.Scope) *record.Origin {
	// Records come in runs of one logger.
	if e := o.last.Load(); e != nil && e.key.resource == res && e.key.scope == scope {
		return &e.origin
	}
	key := originKey{res, scope}
	o.mu.RLock()
	e := o.entries[key]
	o.mu.RUnlock()
	if e == nil {
		e = o.add(key)
	}
	o.last.Store(e)
	return &e.origin
}

func (o *Origins) add(key originKey) *originEntry {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.entries[key]; e != nil {
		return e
	}
	if len(o.entries) >= maxOrigins || o.entries == nil {
		o.entries = make(map[originKey]*originEntry)
		o.resources = make(map[*resource.Resource]*record.Resource)
	}
	res := o.resources[key.resource]
	if res == nil && key.resource != nil {
		res = &record.Resource{
			Attributes: key.resource.Attributes(),
			SchemaURL:  key.resource.SchemaURL(),
		}
		o.resources[key.resource] = res
	}
	e := &originEntry{key: key, origin: record.Origin{
		Resource: res,
		Scope: record.Scope{
			Name:       key.scope.Name,
			Version:    key.scope.Version,
			SchemaURL:  key.scope.SchemaURL,
			Attributes: key.scope.Attributes.ToSlice(),
		},
	}}
	o.entries[key] = e
	return e
}

// adapterPatience is how long Export retries when ctx has no deadline, as
// under the SDK's simple processor, where a log call waits for it.
const adapterPatience = 10 * time.Second

// maxScratch is the number of records that Adapter keeps room for.
const maxScratch = 1024

// Adapter makes a Sink an SDK exporter: a destination holds one and forwards
// its Export method to it. The zero value is ready.
type Adapter struct {
	origins Origins
	scratch sync.Pool // *[]record.Record
}

// Export delivers recs through s. The SDK expects exporters to retry, so what
// is worth another try is written again, after pauses from 100 ms to 5 s,
// until ctx ends; without a deadline until nothing was delivered for 10 s.
// Records that s refuses are skipped. The returned error says how many were
// lost; after s's Shutdown it is the SDK's ErrExporterShutdown.
func (a *Adapter) Export(ctx context.Context, s Sink, recs []sdklog.Record) error {
	buf, _ := a.scratch.Get().(*[]record.Record)
	if buf == nil {
		buf = new([]record.Record)
	}
	for len(*buf) < len(recs) {
		*buf = append(*buf, record.Record{})
	}
	converted := (*buf)[:len(recs)]
	for i := range recs {
		FromSDK(&converted[i], &recs[i], a.origins.Of(&recs[i]))
	}
	err := deliver(ctx, s, converted)
	for i := range converted {
		converted[i].Reset() // the SDK's values must not live on in the pool
	}
	if len(*buf) <= maxScratch {
		a.scratch.Put(buf)
	}
	return err
}

func deliver(ctx context.Context, s Sink, recs []record.Record) error {
	retry := Retry{sink: s, cfg: RetryConfig{
		Initial:    Duration(100 * time.Millisecond),
		Max:        Duration(5 * time.Second),
		MaxElapsed: Duration(adapterPatience),
	}}
	if _, ok := ctx.Deadline(); ok {
		retry.cfg.MaxElapsed = Unlimited
	}
	var (
		total = len(recs)
		lost  int
		errs  []error
	)
	for len(recs) > 0 {
		n, err := retry.Write(ctx, recs)
		if err == nil {
			break
		}
		if errors.Is(err, ErrClosed) {
			return sdklog.ErrExporterShutdown
		}
		if len(errs) < 5 { // a batch of bad records needs no list of them all
			errs = append(errs, err)
		}
		kind, rejected := Classify(err)
		lost += rejected
		recs = recs[n:]
		if kind != KindPoison {
			lost += len(recs)
			break
		}
		if len(recs) > 0 {
			lost++
			recs = recs[1:]
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d records lost: %w", lost, total, errors.Join(errs...))
}
