package demo

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed sluice.yaml
var configText string

var configTemplate = template.Must(template.New("sluice.yaml").Parse(configText))

// files are the paths below the demo's directory.
type files struct {
	config, log, incidents string
	spool                  string // directory of the queue on disk
	collected              string // what the collector got
}

func filesIn(dir string) files {
	return files{
		config:    filepath.Join(dir, "sluice.yaml"),
		log:       filepath.Join(dir, "shop.jsonl"),
		incidents: filepath.Join(dir, "incidents.jsonl"),
		spool:     filepath.Join(dir, "spool"),
		collected: filepath.Join(dir, "collector.jsonl"),
	}
}

// write makes the directory and writes the configuration into it, which sends
// to endpoint. A configuration that says something else is kept as
// sluice.yaml.bak; kept tells so.
func (f files) write(endpoint string) (kept string, err error) {
	if err := os.MkdirAll(filepath.Dir(f.config), 0o750); err != nil {
		return "", fmt.Errorf("demo: make directory: %w", err)
	}
	text, err := configFor(f, endpoint)
	if err != nil {
		return "", err
	}
	old, err := os.ReadFile(f.config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("demo: read the configuration there: %w", err)
	case bytes.Equal(withoutPort(old), withoutPort(text)):
	default:
		kept = f.config + ".bak"
		if err := os.Rename(f.config, kept); err != nil {
			return "", fmt.Errorf("demo: keep the configuration there: %w", err)
		}
	}
	if err := os.WriteFile(f.config, text, 0o640); err != nil {
		return "", fmt.Errorf("demo: write the configuration: %w", err)
	}
	return kept, nil
}

var endpointPort = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// withoutPort returns a configuration without what differs between two runs:
// the port of the collector.
func withoutPort(text []byte) []byte { return endpointPort.ReplaceAll(text, nil) }

func configFor(f files, endpoint string) ([]byte, error) {
	var b bytes.Buffer
	err := configTemplate.Execute(&b, map[string]string{
		"File":      oneLine(f.config),
		"Log":       scalar(f.log),
		"LogName":   oneLine(filepath.Base(f.log)),
		"Incidents": scalar(f.incidents),
		"Spool":     scalar(f.spool),
		"Endpoint":  endpoint,
	})
	if err != nil {
		return nil, fmt.Errorf("demo: make the configuration: %w", err)
	}
	return b.Bytes(), nil
}

// scalar writes a path as a double-quoted YAML scalar, of which no part is
// substituted from the environment.
func scalar(path string) string {
	return strconv.Quote(strings.ReplaceAll(path, "$", "$$"))
}

// oneLine makes a path fit into a comment.
func oneLine(path string) string {
	q := strconv.Quote(path)
	return q[1 : len(q)-1]
}
