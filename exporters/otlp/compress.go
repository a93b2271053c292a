package otlp

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression says what a body is compressed with.
type compression int32

const (
	compressNone compression = iota
	compressGzip
	compressZstd
	compressions // how many there are
)

// String is the value of the header Content-Encoding.
func (c compression) String() string {
	return [...]string{compressGzip: "gzip", compressZstd: "zstd", compressNone: ""}[c]
}

// zstdWindow is how far back zstd looks, in bytes. It also bounds the memory
// that a request costs here, for each that is made at the same time, and there.
const zstdWindow = 1 << 20

// packer compresses bodies, at the fastest level of either method: of log
// records the slower ones take a tenth off, for several times the work.
type packer struct {
	how   atomic.Int32 // the compression to use, which may change
	taken atomic.Bool  // a body compressed with zstd was taken
	gzips sync.Pool    // *gzipper
	zstd  *zstd.Encoder
}

func (p *packer) init(name string) error {
	switch name {
	case "gzip":
		p.use(compressGzip)
	case "zstd":
		p.use(compressZstd)
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return fmt.Errorf("compression: %w", err)
		}
		p.zstd = enc
	}
	return nil
}

// compression returns what to use at present.
func (p *packer) compression() compression { return compression(p.how.Load()) }

// use changes what to use from now on.
func (p *packer) use(how compression) { p.how.Store(int32(how)) }

// gzipper appends what its gzip.Writer writes to a slice.
type gzipper struct {
	w   *gzip.Writer
	dst []byte
}

// Write implements [io.Writer].
func (g *gzipper) Write(b []byte) (int, error) {
	g.dst = append(g.dst, b...)
	return len(b), nil
}

// pack appends src, compressed, to dst.
func (p *packer) pack(dst, src []byte, how compression) ([]byte, error) {
	switch how {
	case compressZstd:
		return p.zstd.EncodeAll(src, dst), nil
	case compressGzip:
		g, _ := p.gzips.Get().(*gzipper)
		if g == nil {
			g = new(gzipper)
			w, err := gzip.NewWriterLevel(g, gzip.BestSpeed)
			if err != nil {
				return dst, fmt.Errorf("compress: %w", err)
			}
			g.w = w
		}
		defer p.gzips.Put(g)
		g.dst = dst
		g.w.Reset(g)
		_, err := g.w.Write(src)
		if err == nil {
			err = g.w.Close()
		}
		dst, g.dst = g.dst, nil
		if err != nil {
			return dst, fmt.Errorf("compress: %w", err)
		}
		return dst, nil
	}
	return append(dst, src...), nil
}
