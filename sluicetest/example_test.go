package sluicetest_test

import (
	"log/slog"
	"testing"

	"github.com/seed2f724858/sluice/sluicetest"
)

// checkout is the code under test.
func checkout(logger *slog.Logger, order int) {
	logger.Warn("payment refused", "order", order)
}

func Example() {
	// In a test file this is func TestCheckout(t *testing.T).
	_ = func(t *testing.T) {
		rec := sluicetest.New(t)
		checkout(rec.Logger("shop.cart"), 7)
		rec.AssertLogged(t, slog.LevelWarn, "payment refused", "order", 7)
		rec.AssertNone(t, slog.LevelError)
	}
}
