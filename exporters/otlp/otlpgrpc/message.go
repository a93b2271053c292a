package otlpgrpc

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
)

// method is LogsService.Export
// (https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/logs/v1/logs_service.proto).
const method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// codec hands gRPC the requests as they were encoded, and keeps what it reads
// of an answer: no message is ever built.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name implements [encoding.CodecV2]; it becomes part of the content type.
func (codec) Name() string { return "proto" }

// Marshal implements [encoding.CodecV2].
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(mem.Buffer)
	if !ok {
		return nil, fmt.Errorf("otlp: a request is %T", v)
	}
	b.Ref() // gRPC frees it, perhaps after the call has returned.
	return mem.BufferSlice{b}, nil
}

// Unmarshal implements [encoding.CodecV2].
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	answer, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("otlp: an answer is %T", v)
	}
	*answer = data.Materialize()
	return nil
}

// Buffers of a pool have at least minBuffer bytes; smaller ones gRPC would not
// give back.
const minBuffer = 16 << 10

// buffers is a pool of memory for requests. gRPC returns a buffer when the
// last byte of it is written or given up, so that it is never changed while
// it is being sent.
type buffers struct {
	pool sync.Pool
	max  int // larger ones are left to the garbage collector
}

var _ mem.BufferPool = (*buffers)(nil)

// Get implements [mem.BufferPool].
func (p *buffers) Get(length int) *[]byte {
	b, _ := p.pool.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	if cap(*b) < length {
		*b = make([]byte, length, max(length, minBuffer))
	}
	*b = (*b)[:length]
	return b
}

// Put implements [mem.BufferPool].
func (p *buffers) Put(b *[]byte) {
	if cap(*b) <= max(p.max, 2*minBuffer) {
		p.pool.Put(b)
	}
}

// encodeRequest returns a request of the first of recs, which are not empty,
// and how many these are.
func encodeRequest[R any](p *buffers, recs []R, limit int, upTo delivery.Append[R]) (mem.Buffer, int) {
	b := p.Get(minBuffer)
	var n int
	*b, n = delivery.Request((*b)[:0], recs, limit, upTo)
	return mem.NewBuffer(b, p), n
}
