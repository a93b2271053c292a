package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// stories are the requests that log INFO and more, in their order of
// appearance: an ordinary day, and what may go wrong.
var stories = []string{
	"POST /orders",
	"POST /orders?card=slow",
	"POST /orders?card=declined",
	"GET /search?q=%1b%5b2Jgone%0aERROR+faked+line",
	"POST /login?user=ada&password=correct-horse",
	"POST /orders",
	"POST /coupons/SUMMER",
	"POST /orders",
	"POST /refunds",
}

const (
	visitors = 4
	// Stories are told at this pace, faster if the demo would be over before
	// each was told.
	storyEvery = 400 * time.Millisecond
)

// traffic sends requests to the shop at url until ctx is done: product views
// for rate records a second, and now and then a story.
func traffic(ctx context.Context, url string, rate int, duration time.Duration) {
	transport := &http.Transport{MaxIdleConnsPerHost: visitors + 1}
	defer transport.CloseIdleConnections()
	c := &client{url: url, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}

	var wg sync.WaitGroup
	views := make(chan int)
	for range visitors {
		wg.Go(func() {
			for id := range views {
				c.do(http.MethodGet, fmt.Sprintf("/products/%d", id%500))
			}
		})
	}
	wg.Go(func() { tellStories(ctx, c, min(storyEvery, duration/time.Duration(len(stories)+1))) })
	paceViews(ctx, views, rate)
	close(views)
	wg.Wait()
}

// paceViews sends a number for each view that is due. Visitors that cannot
// keep up slow it down.
func paceViews(ctx context.Context, views chan<- int, rate int) {
	start, sent := time.Now(), 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		due := int(time.Since(start).Seconds() * float64(rate) / recordsPerView)
		for ; sent < due; sent++ {
			select {
			case views <- sent:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// tellStories tells every story at least once, however slow the machine, and
// goes on until ctx is done. Cancelling ctx ends it at once.
func tellStories(ctx context.Context, c *client, every time.Duration) {
	tick := time.NewTicker(max(every, time.Millisecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		var method, path string
		_, _ = fmt.Sscan(stories[i%len(stories)], &method, &path)
		c.do(method, path)
		over := ctx.Err()
		if over == nil {
			select {
			case <-tick.C:
				continue
			case <-ctx.Done():
				over = ctx.Err()
			}
		}
		if i+1 >= len(stories) || errors.Is(over, context.Canceled) {
			return
		}
	}
}

type client struct {
	url  string
	http *http.Client
}

// do makes one request, to its end even when the demo is over. Its outcome is
// the service's to log.
func (c *client) do(method, path string) {
	req, err := http.NewRequest(method, c.url+path, nil)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", "sluice-demo")
	resp, err := c.http.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}
