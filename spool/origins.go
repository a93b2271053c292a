package spool

import (
	"sync"
	"sync/atomic"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// maxOrigins bounds the origins that are kept encoded: scope names may be
// input.
const maxOrigins = 1024

// origins encodes each origin once: the journal tells by the pointer whether a
// segment holds it already. The zero value is ready, and safe for concurrent
// use.
type origins struct {
	last atomic.Pointer[encodedOrigin]
	mu   sync.RWMutex
	all  map[*record.Origin]*encodedOrigin
}

type encodedOrigin struct {
	of   *record.Origin
	otlp encode.OTLPOrigin
}

// of returns o in OTLP's binary form, nil for nil.
func (s *origins) of(enc *encode.OTLPProtoEncoder, o *record.Origin) *encode.OTLPOrigin {
	if o == nil {
		return nil
	}
	// Records come in runs of one logger.
	if e := s.last.Load(); e != nil && e.of == o {
		return &e.otlp
	}
	s.mu.RLock()
	e := s.all[o]
	s.mu.RUnlock()
	if e == nil {
		e = s.add(enc, o)
	}
	s.last.Store(e)
	return &e.otlp
}

func (s *origins) add(enc *encode.OTLPProtoEncoder, o *record.Origin) *encodedOrigin {
	e := &encodedOrigin{of: o, otlp: encode.OTLPOrigin{
		Resource: enc.AppendResourceFields(nil, o),
		Scope:    enc.AppendScopeFields(nil, o),
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.all[o]; known != nil {
		return known
	}
	if s.all == nil || len(s.all) >= maxOrigins {
		s.all = make(map[*record.Origin]*encodedOrigin)
	}
	s.all[o] = e
	return e
}
