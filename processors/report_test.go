package processors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A report that is under way when the last one is asked for is waited for, but
// not for ever: it may be what asks.
func TestCloseWaitsForTheReportUnderWay(t *testing.T) {
	for name, takes := range map[string]time.Duration{"slow": lastReport / 2, "stuck": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 2)
				f := newFailures()
				f.tell = func(err error) {
					time.Sleep(takes)
					told <- err.Error()
				}
				f.add(errors.New("no room"))
				synctest.Wait() // the handler has it
				start := time.Now()
				f.close(context.Background())
				if waited := time.Since(start); waited != min(takes, lastReport+grace) {
					t.Errorf("close waited for %v", waited)
				}
				if n := len(told); (n == 1) != (takes < lastReport) {
					t.Errorf("%d reports before close returned", n)
				}
				time.Sleep(takes) // its goroutine ends
			})
		})
	}
}

// A failure that nobody was told of in time does not look like one that lasts;
// while it lasts, what waits on disk is told, too.
func TestReportSaysThatAFailureIsOver(t *testing.T) {
	for _, c := range []struct {
		now  ExporterStats
		want string
	}{
		{ExporterStats{Name: "x", LastError: "no room"}, "sluice: exporter x: no room"},
		{ExporterStats{Name: "x", LastError: "no room", Spooled: 57}, "sluice: exporter x: no room (57 records wait on disk)"},
		{ExporterStats{Name: "x", Spooled: 57}, "sluice: exporter x: no room (it has worked since)"},
		{ExporterStats{Name: "x"}, "sluice: exporter x: no room (it has worked since)"},
	} {
		told := make(chan string, 1)
		r := newReporter(
			func() ExporterStats { return c.now },
			func(err error) { told <- err.Error() },
		)
		r.failure = errors.New("no room")
		r.close(context.Background())
		if got := <-told; got != c.want {
			t.Errorf("told %q, want %q", got, c.want)
		}
	}
}
