package processors_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// overrides prints the live layer as NAME=LEVEL, with what is left of its life.
func overrides(l *processors.Levels) string {
	var all []string
	for _, o := range l.Overrides() {
		s := o.Logger + "=" + processors.LevelName(o.Minimum)
		if !o.Until.IsZero() {
			s += fmt.Sprint(" ", time.Until(o.Until))
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func set(t testing.TB, l *processors.Levels, logger string, minimum log.Severity, lifetime time.Duration) {
	t.Helper()
	if err := l.Set(logger, minimum, lifetime); err != nil {
		t.Fatal(err)
	}
}

// An override ends by itself, each at its time, and what was under it holds
// again.
func TestLevelsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		levels := processors.NewLevels()
		levels.Configure(processors.LevelRules{"": log.SeverityWarn})
		db, pool := levels.For("shop.db", nil), levels.For("shop.db.pool", nil)
		want := func(when string, dbMin, poolMin log.Severity, rules string) {
			t.Helper()
			synctest.Wait()
			if d, p := db.Minimum(), pool.Minimum(); d != dbMin || p != poolMin {
				t.Errorf("%s: shop.db %v, shop.db.pool %v; want %v, %v", when, d, p, dbMin, poolMin)
			}
			if got := overrides(levels); got != rules {
				t.Errorf("%s: overrides %q, want %q", when, got, rules)
			}
		}
		set(t, levels, "shop.db", log.SeverityDebug, 10*time.Minute)
		set(t, levels, "*.pool", log.SeverityTrace, time.Minute)
		set(t, levels, "cart", processors.SeverityOff, 0)
		// The longer pattern wins.
		want("at first", log.SeverityDebug, log.SeverityDebug, "*.pool=trace 1m0s, cart=off, shop.db=debug 10m0s")
		set(t, levels, "shop.db.pool", log.SeverityTrace, time.Minute)
		want("child of its own", log.SeverityDebug, log.SeverityTrace, "*.pool=trace 1m0s, cart=off, shop.db=debug 10m0s, shop.db.pool=trace 1m0s")
		time.Sleep(time.Minute)
		want("after 1m", log.SeverityDebug, log.SeverityDebug, "cart=off, shop.db=debug 9m0s")
		set(t, levels, "shop.db", log.SeverityError, 20*time.Minute) // takes the earlier one's place
		time.Sleep(15 * time.Minute)
		want("after 16m", log.SeverityError, log.SeverityError, "cart=off, shop.db=error 5m0s")
		if !levels.Unset("shop.db") || levels.Unset("shop.db") {
			t.Error("Unset does not tell whether there was one")
		}
		want("taken back", log.SeverityWarn, log.SeverityWarn, "cart=off")
		time.Sleep(time.Hour)
		want("for good", log.SeverityWarn, log.SeverityWarn, "cart=off")
	})
}

func TestLevelsRefuse(t *testing.T) {
	levels := processors.NewLevels()
	for name, err := range map[string]error{
		"severity 0":  levels.Set("a", 0, 0),
		"severity 26": levels.Set("a", processors.SeverityOff+1, 0),
		"in the past": levels.Set("a", log.SeverityInfo, -1),
		"long name":   levels.Set(strings.Repeat("a", 1025), log.SeverityInfo, 0),
	} {
		if err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	for i := range 256 {
		set(t, levels, fmt.Sprint(i), log.SeverityInfo, time.Hour)
	}
	if err := levels.Set("one more", log.SeverityInfo, 0); err == nil {
		t.Error("the number of overrides is not bounded")
	}
	set(t, levels, "255", log.SeverityError, 0) // a known name is no new one
	levels.Unset("0")
	set(t, levels, "one more", log.SeverityInfo, 0)
}

func TestLevelsEffective(t *testing.T) {
	levels := processors.NewLevels()
	cfg := processors.DefaultConfig()
	cfg.Levels = levels
	p := newPipeline(t, cfg, newSimple(t, &sinktest.Memory{}, "m", min1(log.SeverityInfo2)))
	used := p.Logger(record.Scope{Name: "used"})
	want := func(logger, want string) {
		t.Helper()
		minimum, from, ok := levels.Effective(logger)
		if got := fmt.Sprintf("%s by %s, %t", processors.LevelName(minimum), from, ok); got != want {
			t.Errorf("%s: %s; want %s", logger, got, want)
		}
	}
	want("used", "info2 by exporters, true")
	want("unused", "all by exporters, false")
	levels.Configure(processors.LevelRules{"used": log.SeverityWarn})
	want("used", "warn by configuration, true")
	t.Setenv(processors.EnvLevels, "error")
	if err := levels.FromEnvironment(); err != nil {
		t.Fatal(err)
	}
	want("unused", "error by environment, true")
	set(t, levels, "u*", processors.SeverityOff, 0)
	want("unused.child", "off by override, true")
	if used.Level().Minimum() != processors.SeverityOff {
		t.Error("the logger in use has another level than is told")
	}
	runtime.KeepAlive(used)
}

// Floors are users' code: they may take their time, and nobody who changes
// levels asks them.
func TestLevelsAskFloorsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		levels := processors.NewLevels()
		asked, wait := 0, make(chan struct{})
		floor := func() log.Severity { asked++; return log.SeverityWarn }
		var keep []*processors.Level
		for i := range 100 {
			keep = append(keep, levels.For(fmt.Sprint("logger", i), floor))
		}
		go levels.For("slow", func() log.Severity { <-wait; return 0 })
		synctest.Wait()
		set(t, levels, "", log.SeverityDebug, time.Minute)
		set(t, levels, "logger1", log.SeverityError, 0)
		for i, want := range []log.Severity{log.SeverityDebug, log.SeverityError} {
			if got := keep[i].Minimum(); got != want {
				t.Errorf("logger%d: %v, want %v", i, got, want)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		levels.Unset("logger1")
		for i, level := range keep {
			if got := level.Minimum(); got != log.SeverityWarn {
				t.Errorf("logger%d: %v without a rule, want its floor", i, got)
			}
		}
		if asked != 100 {
			t.Errorf("floors were asked %d times for 100 loggers", asked)
		}
		close(wait)
	})
}

// Of two answers the one to the later question holds.
func TestLevelsRefreshConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		levels := processors.NewLevels()
		answers := []chan log.Severity{make(chan log.Severity, 1), make(chan log.Severity), make(chan log.Severity)}
		var asked atomic.Int32
		answers[0] <- log.SeverityInfo
		level := levels.For("a", func() log.Severity { return <-answers[asked.Add(1)-1] })
		want := func(when string, want log.Severity) {
			t.Helper()
			synctest.Wait()
			if got := level.Minimum(); got != want {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		want("at first", log.SeverityInfo)
		for range 2 {
			go levels.Refresh()
			synctest.Wait()
		}
		answers[2] <- log.SeverityError
		want("the second has answered", log.SeverityError)
		answers[1] <- log.SeverityTrace
		want("the first has answered too", log.SeverityError)
	})
}

// gate is a step whose Enabled does more than to answer.
type gate struct {
	stepFunc
	enabled func(scope *record.Origin) bool
}

func (g *gate) Enabled(_ context.Context, scope *record.Origin, _ log.Severity, _ string) bool {
	return g.enabled(scope)
}

// A step that makes loggers, changes levels or logs while it is asked whether it
// is enabled neither waits for itself nor calls itself for ever.
func TestLevelsAskedByAFloor(t *testing.T) {
	var p *processors.Pipeline
	own := 0
	g := &gate{stepFunc: func(ctx context.Context, r *record.Record, next processors.Next) error { return next(ctx, r) }}
	g.enabled = func(*record.Origin) bool {
		if p != nil {
			_ = p.Logger(record.Scope{Name: "step"}).Emit(context.Background(), &record.Record{Severity: log.SeverityDebug})
			p.Refresh()
			set(t, p.Levels(), "other", log.SeverityDebug, 0)
			own++
		}
		return true
	}
	sink := &sinktest.Memory{}
	p = newPipeline(t, processors.DefaultConfig(), g, newSimple(t, sink, "m", min1(log.SeverityWarn)))
	l := p.Logger(record.Scope{Name: "a"})
	if got := l.Level().Minimum(); got != log.SeverityWarn || own != int(log.SeverityWarn) {
		t.Errorf("level %v, asked %d times, want %v", got, own, log.SeverityWarn)
	}
	p.Refresh()
	if got := l.Level().Minimum(); got != log.SeverityWarn || sink.Len() != 0 {
		t.Errorf("level %v, %d records", got, sink.Len())
	}
}

// Names may be input: nothing is left of loggers that nobody has any more, but
// for the few that the stack may still hold.
func TestLevelsKeepNoLoggers(t *testing.T) {
	p := newPipeline(t, processors.DefaultConfig(), newSimple(t, &sinktest.Memory{}, "m", nil))
	for i := range 1000 {
		p.Logger(record.Scope{Name: fmt.Sprint(i)})
	}
	for range 50 {
		runtime.GC()
		if p.Levels().Live() <= 10 {
			return
		}
		time.Sleep(10 * time.Millisecond) // for the cleanups, which tell nobody
	}
	t.Errorf("%d of 1000 loggers are kept although nothing refers to them", p.Levels().Live())
}

// A pipeline is not kept in memory until the last override ends.
func TestLevelsExpiryKeepsNothing(t *testing.T) {
	gone := func() weak.Pointer[processors.Levels] {
		levels := processors.NewLevels()
		set(t, levels, "a", log.SeverityDebug, 24*time.Hour)
		return weak.Make(levels)
	}()
	for range 50 {
		runtime.GC()
		if gone.Value() == nil {
			return
		}
	}
	t.Error("levels with an override are kept although nothing refers to them")
}

func TestLevelName(t *testing.T) {
	for minimum := log.SeverityTrace1; minimum <= processors.SeverityOff; minimum++ {
		if got, err := processors.ParseLevel(processors.LevelName(minimum)); err != nil || got != minimum {
			t.Errorf("%d is written %s and read %d, %v", minimum, processors.LevelName(minimum), got, err)
		}
	}
}

// Debug for one logger and its children, for ten minutes.
func ExampleLevels_Set() {
	levels := processors.NewLevels()
	levels.Configure(processors.LevelRules{"": log.SeverityInfo})
	db := levels.For("shop.db", nil)
	fmt.Println(db.Enabled(log.SeverityDebug))

	if err := levels.Set("shop.db", log.SeverityDebug, 10*time.Minute); err != nil {
		fmt.Println(err)
	}
	fmt.Println(db.Enabled(log.SeverityDebug))
	// Output:
	// false
	// true
}
