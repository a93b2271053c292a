package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
)

func TestCloseWaitsForThoseInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		var left atomic.Int32
		for i := range 3 {
			_, leave, err := g.Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Duration(i+1)*time.Minute, func() {
				left.Add(1)
				leave()
			})
		}
		if err := g.Close(t.Context()); err != nil || left.Load() != 3 {
			t.Errorf("Close = %v after %d of 3 have left", err, left.Load())
		}
		if _, _, err := g.Enter(t.Context()); !errors.Is(err, exporters.ErrClosed) {
			t.Errorf("Enter = %v", err)
		}
		if err := g.Close(t.Context()); err != nil {
			t.Errorf("second Close = %v", err)
		}
	})
}

func TestCloseCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		inside, leave, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-inside.Done()
			leave()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		if cause := context.Cause(inside); !errors.Is(cause, gate.ErrCutOff) {
			t.Errorf("those inside were told %v", cause)
		}
	})
}

func TestOwnContextEnds(t *testing.T) {
	g := gate.New()
	ctx, cancel := context.WithCancel(t.Context())
	inside, leave, err := g.Enter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-inside.Done()
	leave()
	if err := g.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
