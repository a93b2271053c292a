package otlpgrpc

import (
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // to read answers: servers compress as they are spoken to
)

// packer compresses requests with gzip at its fastest level: of log records the
// slower ones take a tenth off, for several times the work. gRPC's own has one
// level for the whole process, and takes five times as long.
type packer struct{ writers sync.Pool }

var _ grpc.Compressor = (*packer)(nil) //nolint:staticcheck // see [packer.option]

// option makes gRPC use p. It is deprecated in favour of registering
// compressors by name for the whole process, which is not for a library to do;
// gRPC promises to keep it.
func (p *packer) option() grpc.DialOption {
	return grpc.WithCompressor(p) //nolint:staticcheck // see above
}

// Type implements [grpc.Compressor]: the name that servers know it by.
func (p *packer) Type() string { return "gzip" }

// Do implements [grpc.Compressor].
func (p *packer) Do(w io.Writer, b []byte) error {
	z, _ := p.writers.Get().(*gzip.Writer)
	if z == nil {
		var err error
		if z, err = gzip.NewWriterLevel(w, gzip.BestSpeed); err != nil {
			return fmt.Errorf("compress: %w", err)
		}
	} else {
		z.Reset(w)
	}
	defer p.writers.Put(z)
	if _, err := z.Write(b); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return nil
}
