package processors_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
)

func TestIsStored(t *testing.T) {
	stored := fmt.Errorf("spool: %w", &exporters.StoredError{Records: 1, Err: errors.New("refused")})
	other := errors.New("no room")
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{other, false},
		{stored, true},
		{errors.Join(stored, fmt.Errorf("x: %w", errors.Join(stored))), true},
		{errors.Join(stored, errors.Join(stored, other)), false},
		{fmt.Errorf("%w: %w", stored, other), false},
	} {
		if got := processors.IsStored(tt.err); got != tt.want {
			t.Errorf("IsStored(%v) = %t", tt.err, got)
		}
	}
}
