package file

import (
	"os"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func templateConfig(t testing.TB) Config {
	c := testConfig(t)
	c.Format, c.Template = "text", "{level<6}{message} {attributes}"
	return c
}

func TestTemplateConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		c := templateConfig(t)
		c.Rotation.MaxSize = 20 * exporters.KiB
		c.Retention.MaxFiles = KeepAll
		return newTest(t, c), func() []string { return sinktest.IDs(readSet(t, c)) }
	}})
}

func TestTemplateSaysHowLinesLook(t *testing.T) {
	c := templateConfig(t)
	c.Template = "<{message}>"
	write(t, newTest(t, c), sinktest.Records("look", 0, 1))
	data, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(data); !strings.HasPrefix(s, "<") || !strings.HasSuffix(s, ">\n") || strings.Count(s, "\n") != 1 {
		t.Errorf("the file holds %q", s)
	}
}

func TestTemplateIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`template: column 1: unknown field "mesage"`:              func(c *Config) { c.Template = "{mesage}" },
		"template: the format json has none":                      func(c *Config) { c.Format = "json" },
		"include: the template says what lines show: write {pid}": func(c *Config) { c.Include = []encode.Field{"pid"} },
	} {
		c := templateConfig(t)
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
