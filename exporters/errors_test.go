package exporters_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
)

func TestClassify(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		err      error
		kind     exporters.Kind
		rejected int
	}{
		{cause, exporters.Retryable, 0},
		{exporters.Permanent(cause), exporters.KindPermanent, 0},
		{exporters.Misconfigured(cause), exporters.KindPermanent, 0},
		{exporters.Rejected(3, exporters.Misconfigured(cause)), exporters.KindPermanent, 3},
		{exporters.Poison(cause), exporters.KindPoison, 0},
		{exporters.Rejected(3, nil), exporters.KindRejected, 3},
		{exporters.Rejected(3, cause), exporters.KindRejected, 3},
		{exporters.Rejected(3, exporters.Permanent(cause)), exporters.KindPermanent, 3},
		{exporters.Rejected(3, exporters.Poison(cause)), exporters.KindPoison, 3},
		{exporters.Rejected(3, exporters.Rejected(2, cause)), exporters.KindRejected, 5},
		{exporters.Rejected(3, exporters.ErrClosed), exporters.KindPermanent, 3},
		{exporters.ErrClosed, exporters.KindPermanent, 0},
		{fmt.Errorf("file: %w", exporters.Poison(cause)), exporters.KindPoison, 0},
		{errors.Join(cause, exporters.Permanent(cause)), exporters.KindPermanent, 0},
	} {
		kind, rejected := exporters.Classify(c.err)
		if kind != c.kind || rejected != c.rejected {
			t.Errorf("Classify(%v) = %d, %d; want %d, %d", c.err, kind, rejected, c.kind, c.rejected)
		}
	}
	for _, err := range []error{exporters.Permanent(nil), exporters.Misconfigured(nil), exporters.Poison(nil), exporters.Rejected(0, cause)} {
		if err != nil {
			t.Errorf("%v, want nil", err)
		}
	}
	if !errors.Is(exporters.Rejected(1, exporters.Permanent(cause)), cause) {
		t.Error("the cause is lost")
	}
}

func TestIsMisconfigured(t *testing.T) {
	cause := exporters.Misconfigured(errors.New("status 401"))
	for _, c := range []struct {
		err  error
		want bool
	}{
		{cause, true},
		{fmt.Errorf("webhook: %w", cause), true},
		{exporters.Rejected(3, cause), true},
		{nil, false},
		{errors.New("refused"), false},
		{exporters.ErrClosed, false},
		{exporters.Rejected(3, nil), false},
		{exporters.Permanent(errors.New("status 400")), false},
		// The outermost mark counts, as for Classify.
		{exporters.Poison(cause), false},
	} {
		if got := exporters.IsMisconfigured(c.err); got != c.want {
			t.Errorf("IsMisconfigured(%v) = %v", c.err, got)
		}
	}
}
