package spool

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// leftBehind returns the files of a process that has ended with records undelivered.
func leftBehind(t *testing.T, recs []record.Record) map[string][]byte {
	t.Helper()
	d := disktest.New(1)
	s := openOn(t, d.Process(), newOutage(errDown), SyncAlways)
	for i := range recs {
		if n, err := s.Write(context.Background(), recs[i:i+1]); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	shutdown(t, s)
	files := make(map[string][]byte)
	for _, name := range d.Files() {
		files[name] = d.ReadFile(name)
	}
	return files
}

func describe(r *record.Record) string {
	var attrs []string
	for _, a := range r.Attributes {
		if a.Key != "log.record.uid" {
			attrs = append(attrs, fmt.Sprint(a.Key, "=", a.Value.String()))
		}
	}
	service := "no origin"
	if r.Origin != nil {
		service = fmt.Sprint(r.Origin.Scope.Name, r.Origin.Resource.Attributes)
	}
	return fmt.Sprintln(r.Timestamp.UnixNano(), r.Severity, r.Body.String(), attrs, service)
}

// Wherever the queue that a process has left is cut, or a bit of it flipped, the
// next one delivers, unchanged, all records but those that were hit, and counts
// these as damaged.
func TestDamageAtEveryByte(t *testing.T) {
	other := &record.Origin{
		Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "other")}},
		Scope:    record.Scope{Name: "other"},
	}
	recs := sinktest.Records("damage", 0, 30)
	want := make([]string, len(recs))
	for i := range recs {
		recs[i].Attributes = append(recs[i].Attributes, attribute.Int("number", i))
		if i%7 == 3 {
			recs[i].Origin = other
		}
		want[i] = describe(&recs[i])
	}
	files := leftBehind(t, recs)
	rnd := faultSeed(t)
	step := 31
	if os.Getenv("SLUICE_LONG") != "" {
		step = 1
	}
	for name, content := range files {
		segment := strings.HasSuffix(name, ".seg")
		for at := rnd.IntN(step); at < len(content); at += step {
			// One hit costs one record, a cut those behind it.
			flipped := slices.Clone(content)
			flipped[at] ^= 1 << rnd.IntN(8)
			got := deliverDamaged(t, files, name, flipped, fmt.Sprintf("%s flipped at %d", name, at), want)
			if len(got) < len(want)-1 || !segment && len(got) != len(want) {
				t.Errorf("%s flipped at %d: %d of %d records came", name, at, len(got), len(want))
			}
			got = deliverDamaged(t, files, name, content[:at], fmt.Sprintf("%s cut at %d", name, at), want)
			if !slices.Equal(got, want[:len(got)]) || !segment && len(got) != len(want) {
				t.Errorf("%s cut at %d: not the first %d of %d records came", name, at, len(got), len(want))
			}
			if t.Failed() {
				return
			}
		}
	}
}

// deliverDamaged has a Spool deliver what is left when one file holds something
// else, and checks it.
func deliverDamaged(t *testing.T, files map[string][]byte, name string, content []byte, what string, want []string) (got []string) {
	t.Helper()
	d := disktest.New(1)
	for other, whole := range files {
		d.WriteFile(other, whole)
	}
	d.WriteFile(name, content)
	sink := new(sinktest.Memory)
	s := openOn(t, d.Process(), sink, SyncAlways)
	flushed(t, s)
	shutdown(t, s)
	st := s.Spooled()
	for _, r := range sink.Records() {
		if uid(&r) != "" && len(sinktest.IDs([]byte(r.Body.String()))) > 0 {
			got = append(got, describe(&r))
		}
	}
	next := 0
	for _, g := range got {
		i := slices.Index(want[next:], g)
		if i < 0 {
			t.Errorf("%s: delivered what was not written, or not in this order: %s", what, g)
			return got
		}
		next += i + 1
	}
	if lost := len(want) - len(got); st.Dropped[causeDamaged] != uint64(lost) || len(st.Dropped) > min(lost, 1) || st.Waiting != 0 {
		t.Errorf("%s: %d records are lost: %+v", what, lost, st)
	}
	return got
}
