package demo

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
}

func filesIn(dir string) files {
	return files{
		config:    filepath.Join(dir, "sluice.yaml"),
		log:       filepath.Join(dir, "shop.jsonl"),
		incidents: filepath.Join(dir, "incidents.jsonl"),
	}
}

// writeFiles makes dir and writes the configuration into it. A configuration
// that says something else is kept as sluice.yaml.bak; kept tells so.
func writeFiles(dir string) (f files, kept string, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return f, "", fmt.Errorf("demo: make directory: %w", err)
	}
	f = filesIn(dir)
	text, err := configFor(f)
	if err != nil {
		return f, "", err
	}
	old, err := os.ReadFile(f.config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return f, "", fmt.Errorf("demo: read the configuration there: %w", err)
	case bytes.Equal(old, text):
		return f, "", nil
	default:
		kept = f.config + ".bak"
		if err := os.Rename(f.config, kept); err != nil {
			return f, "", fmt.Errorf("demo: keep the configuration there: %w", err)
		}
	}
	if err := os.WriteFile(f.config, text, 0o640); err != nil {
		return f, "", fmt.Errorf("demo: write the configuration: %w", err)
	}
	return f, kept, nil
}

func configFor(f files) ([]byte, error) {
	var b bytes.Buffer
	err := configTemplate.Execute(&b, map[string]string{
		"File":      oneLine(f.config),
		"Log":       scalar(f.log),
		"LogName":   oneLine(filepath.Base(f.log)),
		"Incidents": scalar(f.incidents),
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
