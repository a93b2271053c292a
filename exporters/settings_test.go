package exporters_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed2f724858/sluice/exporters"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"50ms": 50 * time.Millisecond, "5s": 5 * time.Second, "2h30m": 150 * time.Minute, "0": 0, "0s": 0, "0d": 0,
		"7d": 168 * time.Hour, "1d12h": 36 * time.Hour, " 1s ": time.Second, "unlimited": exporters.Unlimited.Std(),
	} {
		if got, err := exporters.ParseDuration(in); err != nil || got.Std() != want {
			t.Errorf("%q = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "5000", "1.5", "-1s", "-1d", "1d-5h", "d", "1x", "s", "99999999999d", "106751d25h", "9999999h"} {
		if got, err := exporters.ParseDuration(in); err == nil {
			t.Errorf("%q was taken as %v", in, got)
		}
	}
	if _, err := exporters.ParseDuration("5000"); err == nil || !strings.Contains(err.Error(), "5000ms") {
		t.Errorf("%v gives no hint", err)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]exporters.Size{
		"0": 0, "1048576": exporters.MiB, "64KB": 64000, "100MiB": 100 * exporters.MiB, "1.5 gib": 3 * exporters.GiB / 2,
		"7B": 7, "2tb": 2e12, "9007199254740993": 9007199254740993, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := exporters.ParseSize(in); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "B", "MiB", "-1", "ten", "1XB", "NaN", "Inf", "8388608TiB", "1e30"} {
		if got, err := exporters.ParseSize(in); err == nil {
			t.Errorf("%q was taken as %d", in, got)
		}
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []string{"5s", "7d", "1d1h", "unlimited", "100MiB", "1.5GB", "-1", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := exporters.ParseDuration(s); err == nil {
			if again, err := exporters.ParseDuration(d.String()); again != d || err != nil || d < 0 {
				t.Errorf("%q is %d, its form %q is %d, %v", s, d, d, again, err)
			}
		}
		if n, err := exporters.ParseSize(s); err == nil {
			if again, err := exporters.ParseSize(n.String()); again != n || err != nil || n < 0 {
				t.Errorf("%q is %d, its form %q is %d, %v", s, n, n, again, err)
			}
		}
	})
}

func TestSecretNeverShows(t *testing.T) {
	type config struct {
		Password exporters.Secret `yaml:"password" json:"password"`
		Keys     []exporters.Secret
	}
	var c config
	if err := yaml.Unmarshal([]byte("password: hunter2"), &c); err != nil || c.Password.Reveal() != "hunter2" {
		t.Fatalf("%v", err)
	}
	c.Keys = []exporters.Secret{"hunter2"}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ym, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out := string(js) + string(ym)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s"} {
		out += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, c.Password) + fmt.Sprintf(verb, &c)
	}
	out += fmt.Errorf("login with %s: %w", c.Password, fmt.Errorf("%v", c)).Error()
	for _, leak := range []string{"hunter", "68756e", "68756E", "hun"} {
		if strings.Contains(out, leak) {
			t.Errorf("the secret shows: %s", out)
		}
	}
}
