package processors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*RateLimit)(nil)

// RateLimitConfig configures a [RateLimit].
type RateLimitConfig struct {
	// Name is what statistics and notices call the step; empty means
	// "rate_limit".
	Name string `yaml:"name"`
	// PerSecond is how many records of a key pass in a second; fractions are
	// allowed.
	PerSecond float64 `yaml:"per_second,required" hint:"such as per_second: 100"`
	// Burst is how many pass at once after a pause; 0 means as many as in a
	// second, at least 1.
	Burst int `yaml:"burst"`
	// By lists what makes the key, as DedupConfig.By does; empty means that
	// all records share one limit.
	By []string `yaml:"by"`
	// Exempt chooses the records that always pass and count for no limit: any
	// of the list may. A record without severity is not exempt because of one.
	Exempt []Match `yaml:"exempt"`
}

// DefaultRateLimitConfig returns the defaults: errors are exempt. PerSecond has
// none.
func DefaultRateLimitConfig() RateLimitConfig { return RateLimitConfig{Exempt: defaultExempt()} }

// Validate reports every setting that cannot work.
func (c RateLimitConfig) Validate() error {
	_, err := newRateLimit(c)
	return err
}

const (
	// maxBuckets bounds the keys with a limit of their own.
	maxBuckets = 4096
	// maxKeyPart is how many bytes of a part of a record count for its key.
	maxKeyPart = 256
	// maxPerSecond is the highest rate: time is counted in nanoseconds.
	maxPerSecond = 1e6
	// noticesEvery is the time between two reports of what was suppressed.
	noticesEvery = 10 * time.Second
)

// RateLimit lets no more records of a key pass than a rate, and bursts, allow.
// What it stops is told in notices: warnings of the logger "sluice" with the
// event name "sluice.suppressed" and these attributes:
//
//   - sluice.step, a string: the step's name
//   - sluice.suppressed.count, an int: how many records were stopped
//   - sluice.suppressed.key, a string: which ones, if By is given
//
// Notices go out every 10 s while records are stopped, at ForceFlush and at
// Shutdown; the counts of all notices together are what was stopped. There is
// a notice for each of the 10 keys with the highest counts, and one for all
// other keys.
//
// Of each part of a key the first 256 bytes count. There are 4096 limits at a
// time; a key gives up its own when it has not been in use for so long that a
// new one would be no different. A key that finds none shares one more limit
// with all others that found none. So input with ever new keys neither grows
// the memory, nor lifts the limit of a key in use, nor passes at more than 4097
// times the rate.
type RateLimit struct {
	name     string
	by       *grouping
	exempt   exemptions
	cost     int64 // what a record takes, in ns of refilling
	capacity int64 // of a bucket, in ns of refilling
	start    time.Time
	emitter  emitter

	mu       sync.Mutex
	next     Next
	buckets  map[string]*bucket
	all      []*bucket // those of buckets
	hand     int       // the one of all to be given up next, if idle
	shared   bucket    // of records without a key, or without room for theirs
	resource *record.Resource
	timer    *time.Timer
	armed    bool // timer is running, or tick is

	given   uint64 // what buckets that were given up had to tell
	untold  uint64 // records stopped that no notice has told of
	stopped uint64
	closed  bool
}

// bucket is a limit: the generic cell rate algorithm, which is a token bucket
// that needs no more than one number.
type bucket struct {
	key  string
	full int64 // when the bucket will be full again, in ns since the start

	text    string // the key for people; known when something was stopped
	stopped uint64 // records stopped that no notice has told of
}

// NewRateLimit returns a RateLimit.
func NewRateLimit(cfg RateLimitConfig) (*RateLimit, error) {
	l, err := newRateLimit(cfg)
	if err != nil {
		return nil, fmt.Errorf("rate_limit: %w", err)
	}
	return l, nil
}

func newRateLimit(cfg RateLimitConfig) (*RateLimit, error) {
	var errs []error
	if !(cfg.PerSecond > 0 && cfg.PerSecond <= maxPerSecond) {
		errs = append(errs, fmt.Errorf("per_second is %v: want more than 0 and at most %v", cfg.PerSecond, maxPerSecond))
	}
	if cfg.Burst < 0 {
		errs = append(errs, fmt.Errorf("burst is %d: want at least 0", cfg.Burst))
	}
	if cfg.Burst == 0 {
		cfg.Burst = max(1, int(math.Ceil(cfg.PerSecond)))
	}
	// Half of the range, so that a sum with the time cannot overflow.
	cost := math.Round(1e9 / cfg.PerSecond)
	if len(errs) == 0 && cost*float64(cfg.Burst) > math.MaxInt64/2 {
		errs = append(errs, fmt.Errorf("burst is %d, per_second %v: it would take more than a century to refill", cfg.Burst, cfg.PerSecond))
	}
	by, err := newGrouping(cfg.By, maxKeyPart)
	errs = append(errs, err)
	exempt, err := compileExempt(cfg.Exempt)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = "rate_limit"
	}
	return &RateLimit{
		name:     cfg.Name,
		by:       by,
		exempt:   exempt,
		cost:     int64(cost),
		capacity: int64(cost) * int64(cfg.Burst),
		start:    time.Now(),
		emitter:  newEmitter(cfg.Name),
		buckets:  map[string]*bucket{},
	}, nil
}

func (l *RateLimit) readsOnly() bool { return true }

// Enabled implements [Processor].
func (l *RateLimit) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

// OnEmit implements [Processor].
func (l *RateLimit) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	if l.exempt.cover(r) {
		return next(ctx, r)
	}
	buf := keyBuffers.Get().(*[]byte)
	*buf = l.by.appendKey((*buf)[:0], r)
	ok := l.take(*buf, r, next)
	releaseKey(buf)
	if !ok {
		return nil
	}
	return next(ctx, r)
}

// take reports whether a record with that key may pass.
func (l *RateLimit) take(key []byte, r *record.Record, next Next) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return true
	}
	l.next = next
	now := int64(time.Since(l.start))
	b := l.bucket(key, now)
	full := max(b.full, now) + l.cost
	if full-now <= l.capacity {
		b.full = full
		return true
	}
	if b.text == "" && b != &l.shared {
		b.text = l.by.describe(r)
	}
	b.stopped++
	l.untold++
	l.stopped++
	if r.Origin != nil {
		l.resource = r.Origin.Resource
	}
	l.arm()
	return false
}

// maxTries bounds how many buckets are looked at to find one to give up.
const maxTries = 8

// bucket returns the bucket of a key.
func (l *RateLimit) bucket(key []byte, now int64) *bucket {
	if len(key) == 0 {
		return &l.shared
	}
	if b, ok := l.buckets[string(key)]; ok {
		return b
	}
	if len(l.all) < maxBuckets {
		b := &bucket{key: string(key)}
		l.all = append(l.all, b)
		l.buckets[b.key] = b
		return b
	}
	for range maxTries {
		b := l.all[l.hand]
		l.hand = (l.hand + 1) % len(l.all)
		if b.full > now {
			continue
		}
		l.given += b.stopped
		delete(l.buckets, b.key)
		*b = bucket{key: string(key)}
		l.buckets[b.key] = b
		return b
	}
	return &l.shared
}
