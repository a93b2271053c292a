package redact_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

func TestOrigin(t *testing.T) {
	d := newRedactor(t, "secrets")
	clean := &record.Origin{Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}}
	if d.Origin(clean) != clean {
		t.Error("an origin without secrets was copied")
	}
	if bare := (&record.Origin{}); d.Origin(bare) != bare {
		t.Error("an origin without a resource was copied")
	}
	res := &record.Resource{SchemaURL: "u", Attributes: []attribute.KeyValue{
		attribute.String("service.name", "shop"),
		attribute.String("process.command_line", "shop --password hunter2 -v"),
	}}
	a := &record.Origin{Resource: res, Scope: record.Scope{Name: "a"}}
	b := &record.Origin{Resource: res, Scope: record.Scope{Name: "b", Attributes: []attribute.KeyValue{attribute.String("token", "x")}}}
	ra, rb := d.Origin(a), d.Origin(b)
	if ra == a || ra.Resource != rb.Resource || ra.Scope.Name != "a" || ra.Resource.SchemaURL != "u" {
		t.Errorf("a becomes %+v, b %+v", ra, rb)
	}
	if got := fmt.Sprint(ra.Resource.Attributes[1].Value, rb.Scope.Attributes[0].Value); got != "shop --password [REDACTED] -v [REDACTED]" {
		t.Errorf("got %s", got)
	}
	if res.Attributes[1].Value.AsString() != "shop --password hunter2 -v" || b.Scope.Attributes[0].Value.AsString() != "x" {
		t.Error("the original was written into")
	}
	if d.Origin(a) != ra || d.Origin(b) != rb {
		t.Error("the copy is another the second time")
	}
	if n := testing.AllocsPerRun(100, func() { d.Origin(a) }); n != 0 && !raceEnabled {
		t.Errorf("%v allocations for a known origin, want 0", n)
	}
}

// More origins than are remembered, from several goroutines: always without
// their secrets, and the same copies as long as there are few.
func TestManyOrigins(t *testing.T) {
	d := newRedactor(t, "secrets")
	origins := make([]*record.Origin, 2000)
	for i := range origins {
		origins[i] = &record.Origin{Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("password", fmt.Sprint("canary", i))}}}
	}
	few := make([][]*record.Origin, 4)
	var wg sync.WaitGroup
	for g := range few {
		wg.Go(func() {
			for _, o := range origins[:50] {
				few[g] = append(few[g], d.Origin(o))
			}
		})
	}
	wg.Wait()
	for g := range few {
		for i := range few[0] {
			if few[g][i] != few[0][i] {
				t.Fatalf("origin %d has two copies", i)
			}
		}
	}
	for g := range 4 {
		wg.Go(func() {
			for i := range origins {
				o := d.Origin(origins[(i*(2*g+1))%len(origins)])
				if got := o.Resource.Attributes[0].Value.AsString(); strings.Contains(got, "canary") {
					t.Errorf("%s passed", got)
				}
			}
		})
	}
	wg.Wait()
	r := record.Record{Origin: origins[0]}
	if redact.Default().Record(&r) != 0 || r.Origin == origins[0] {
		t.Error("Record left the origin as it was")
	}
}
