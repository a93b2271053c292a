package delivery_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
)

func refusal(reason string) error { return errors.New("refused: " + reason) }

// upTo makes requests of records whose size is their value.
func upTo(dst []byte, recs []int, limit int) ([]byte, int) {
	n := 0
	for n < len(recs) && len(dst)+recs[n] <= limit {
		dst = append(dst, bytes.Repeat([]byte{1}, recs[n])...)
		n++
	}
	return dst, n
}

func TestRequest(t *testing.T) {
	for _, c := range []struct {
		recs    []int
		n, size int
	}{
		{[]int{3, 3, 3}, 3, 9},
		{[]int{3, 3, 3, 3}, 3, 9},
		{[]int{11, 3}, 1, 11}, // alone
		{[]int{3, 11}, 1, 3},
	} {
		if b, n := delivery.Request(nil, c.recs, 10, upTo); n != c.n || len(b) != c.size {
			t.Errorf("%v: %d records in %d bytes, want %d in %d", c.recs, n, len(b), c.n, c.size)
		}
	}
}

// A server that takes requests up to a size gets every record but those that
// are too large for it, in order, whatever the sizes are.
func TestDeliverSplits(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		recs := make([]int, r.IntN(50))
		for i := range recs {
			recs[i] = r.IntN(30)
		}
		limit := 1 + r.IntN(100)
		var got, want []int
		send := func(recs []int) (int, answer.Success, error) {
			size := 0
			for _, n := range recs {
				size += n
			}
			if size > limit {
				return len(recs), answer.Success{}, delivery.TooLarge(errors.New("too large"))
			}
			got = append(got, recs...)
			return len(recs), answer.Success{}, nil
		}
		rest := recs
		for {
			n, err := delivery.Deliver(rest, send, refusal)
			if err == nil {
				if n != len(rest) {
					t.Fatalf("%d of %d delivered, and no error", n, len(rest))
				}
				break
			}
			if kind, _ := exporters.Classify(err); kind != exporters.KindPoison || rest[n] <= limit {
				t.Fatalf("record of %d bytes, limit %d: %v", rest[n], limit, err)
			}
			rest = rest[n+1:]
		}
		for _, n := range recs {
			if n <= limit {
				want = append(want, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, limit %d: arrived %v", recs, limit, got)
		}
	}
}

// After the part that was too large requests are as large as before.
func TestDeliverForgetsTheSplit(t *testing.T) {
	var sizes []int
	send := func(recs []int) (int, answer.Success, error) {
		n := min(len(recs), 8) // more do not fit
		sizes = append(sizes, n)
		if n > 4 && recs[0] < 8 {
			return n, answer.Success{}, delivery.TooLarge(errors.New("too large"))
		}
		return n, answer.Success{}, nil
	}
	recs := make([]int, 24)
	for i := range recs {
		recs[i] = i
	}
	if n, err := delivery.Deliver(recs, send, refusal); n != 24 || err != nil {
		t.Fatalf("Deliver = %d, %v", n, err)
	}
	if want := []int{8, 4, 4, 8, 8}; !slices.Equal(sizes, want) {
		t.Errorf("requests of %v records, want %v", sizes, want)
	}
}

func TestDeliverSumsUpRejections(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		rejected []int64
		end      error // of the last request
		n        int
		kind     exporters.Kind
		want     int
	}{
		"none":              {[]int64{0, 0, 0}, nil, 3, 0, 0},
		"some":              {[]int64{1, 0, 1}, nil, 3, exporters.KindRejected, 2},
		"more than sent":    {[]int64{9, 9, 9}, nil, 3, exporters.KindRejected, 3},
		"negative":          {[]int64{-5, 0, 1}, nil, 3, exporters.KindRejected, 1},
		"then down":         {[]int64{1, 1}, down, 2, exporters.KindRejected, 2},
		"then never":        {[]int64{1, 1}, exporters.Permanent(down), 2, exporters.KindPermanent, 2},
		"then one too big":  {[]int64{1, 0}, delivery.TooLarge(down), 2, exporters.KindPoison, 1},
		"down at once":      {nil, down, 0, exporters.Retryable, 0},
		"none, then poison": {[]int64{0}, delivery.TooLarge(down), 1, exporters.KindPoison, 0},
	} {
		t.Run(name, func(t *testing.T) {
			next := 0
			send := func([]int) (int, answer.Success, error) {
				if next == len(c.rejected) {
					return 1, answer.Success{}, c.end
				}
				next++
				return 1, answer.Success{Rejected: c.rejected[next-1], Message: "no"}, nil
			}
			n, err := delivery.Deliver(make([]int, 3), send, refusal)
			if n != c.n || (err == nil) != (c.want == 0 && c.end == nil) {
				t.Fatalf("Deliver = %d, %v", n, err)
			}
			if err == nil {
				return
			}
			if kind, rejected := exporters.Classify(err); kind != c.kind || rejected != c.want {
				t.Errorf("kind %d, %d rejected, want kind %d, %d: %v", kind, rejected, c.kind, c.want, err)
			}
			if c.end != nil && !errors.Is(err, down) {
				t.Errorf("%v does not hold its cause", err)
			}
		})
	}
}
