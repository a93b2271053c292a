package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// Spool is a queue on disk in front of a Sink. Its methods are safe for
// concurrent use.
type Spool struct {
	cfg     Config
	sink    exporters.Sink
	forward exporters.Forwarder // nil if the sink wants records
	holder  exporters.Holder    // nil if the sink keeps nothing
	fs      disk.FS
	enc     *encode.OTLPProtoEncoder
	origins origins
	chunks  sync.Pool // *chunk
	adapter exporters.Adapter
	letters deadLetters // the courier's alone, but for its size

	// gate admits one chunk after the other; what it let in is reserved until
	// it stands in the journal.
	gate     exporters.Turn
	reserved atomic.Int64

	mu       sync.Mutex
	own      *queue
	adopted  []*queue             // oldest first, before own
	unopened map[string]bool      // queues that were told of
	orphans  bool                 // queues of ended processes wait until there is room
	room     bool                 // and there may be some now
	ages     map[string]time.Time // of queues of others; the courier's alone
	books    books
	courier  courier
	// held are the records that the exporter may hold, oldest first; released
	// counts those before them. releasing is held while they are settled.
	held      []heldRecord
	released  uint64
	releasing sync.Mutex
	flushes   []*flush
	notices   notices
	notify    func(error)
	untold    []error // before there was a notify
	writers   int     // Writes under way
	closing   bool    // Shutdown was called
	closed    bool    // the journals are closed

	kick chan struct{} // wakes the courier, and ends a pause
	look chan struct{} // wakes it where it has nothing to do
	done chan struct{} // closed when the courier has ended
	// base is the parent of every delivery's context.
	base   context.Context
	cancel context.CancelFunc
	begun  atomic.Bool
	ended  chan struct{} // closed when Shutdown has
}

var (
	_ exporters.Spooler     = (*Spool)(nil)
	_ exporters.Unwrapper   = (*Spool)(nil)
	_ exporters.Quiet       = (*Spool)(nil)
	_ exporters.SDKExporter = (*Spool)(nil)
)

// New opens the queue in c.Directory, takes over those that ended processes
// have left there, and begins to deliver to sink, which it then owns: Shutdown
// shuts it down. sink must not retry for long by itself: that is the Spool's
// work.
func New(sink exporters.Sink, c Config) (*Spool, error) {
	if sink == nil {
		return nil, errors.New("spool: no exporter")
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	dir, err := disk.OpenDir(c.Directory)
	if err != nil {
		return nil, fmt.Errorf("spool: directory: %w", err)
	}
	return open(sink, c, dir)
}

// open is New on any file system.
func open(sink exporters.Sink, c Config, dir disk.FS) (*Spool, error) {
	s := &Spool{
		cfg:  c,
		sink: sink,
		fs:   dir,
		enc:  encode.OTLPProto(),
		gate: exporters.NewTurn(),
		kick: make(chan struct{}, 1),
		look: make(chan struct{}, 1),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
	if f, ok := sink.(exporters.Forwarder); ok && f.Forwards() {
		s.forward = f
	}
	s.holder, _ = exporters.As[exporters.Holder](sink)
	s.base, s.cancel = context.WithCancel(context.Background())
	// A disk that is full keeps no program from starting: Write tries again.
	if err := s.create(); err != nil && !disk.IsFull(err) {
		s.cancel()
		return nil, fmt.Errorf("spool: directory %q: %w", c.Directory, err)
	}
	s.letters.fs, s.letters.limit = dir, int64(c.MaxSize)/10
	s.adopt()
	go s.run()
	return s, nil
}

// Unwrap returns the Sink behind s.
func (s *Spool) Unwrap() exporters.Sink { return s.sink }

// Quiet implements [exporters.Quiet].
func (s *Spool) Quiet() bool { return exporters.IsQuiet(s.sink) }

// Export implements the SDK's exporter.
func (s *Spool) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return s.adapter.Export(ctx, s, recs)
}

// Write implements [exporters.Sink]: it takes records as soon as they are on
// the disk, as far as Config.Sync says. Those that Config.OnFull gives up count
// as taken, and as dropped. An error of the disk is worth another try, a record
// that is too large for the queue is poison.
//
// A ctx that is done keeps Write from waiting for its turn, but not from
// storing records.
func (s *Spool) Write(ctx context.Context, recs []record.Record) (int, error) {
	if !s.enter() {
		return 0, exporters.ErrClosed
	}
	defer s.leave()
	c, _ := s.chunks.Get().(*chunk)
	if c == nil {
		c = new(chunk)
	}
	defer func() {
		c.reset()
		s.chunks.Put(c)
	}()
	done := 0
	for done < len(recs) {
		n, poison := c.fill(s, recs[done:])
		if n > 0 {
			if err := s.store(ctx, c); err != nil {
				return done, err
			}
		}
		done += n
		if poison != nil {
			return done, poison
		}
	}
	s.giveNotice(false)
	return done, nil
}

// enter lets a Write in, unless Shutdown has begun.
func (s *Spool) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.writers++
	return true
}

func (s *Spool) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers--
	if s.closing {
		s.wake()
	}
}

// wake has the courier look around at once: somebody waits for it.
func (s *Spool) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// nudge has the courier look around, unless it pauses after a failed delivery.
func (s *Spool) nudge() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// store appends a chunk to the journal, but for what the policy drops.
func (s *Spool) store(ctx context.Context, c *chunk) error {
	n, last := len(c.recs), &c.recs[len(c.recs)-1]
	refused, err := s.admit(ctx, c)
	if err != nil {
		return err
	}
	// Counted before it is done, as the courier may be quicker than we are.
	s.accept(n - refused)
	_, err = s.append(c)
	s.reserved.Add(-c.reserved)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.books.accepted -= uint64(n - refused)
		if errors.Is(err, journal.ErrClosed) {
			return exporters.ErrClosed // Shutdown has not waited for us
		}
		return fmt.Errorf("spool: %w", err)
	}
	s.books.accepted += uint64(refused)
	s.drop(causeFull, refused)
	if last.Origin != nil {
		s.notices.resource = last.Origin.Resource
	}
	return nil
}

// append writes to our own queue, or to a new one if another process has that.
func (s *Spool) append(c *chunk) (first uint64, err error) {
	for {
		own, err := s.ready()
		if err != nil {
			return 0, err
		}
		if first, err = own.journal.Append(&c.batch); !errors.Is(err, journal.ErrTaken) {
			return first, err
		}
		if err = s.replace(own, err); err != nil {
			return 0, err
		}
	}
}

func (s *Spool) accept(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books.accepted += uint64(n)
}
