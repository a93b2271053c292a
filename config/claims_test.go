package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two names of one place are one place: else one exporter would get what is in
// the other's queue.
func TestClaimsFollowLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Skip("symbolic links cannot be made here:", err)
	}
	for name, test := range map[string]struct {
		first, second, exporter string
		want                    bool
	}{
		"directory that is there":    {"real", "link", "spool: {directory: %, exporter: {discard: }}", true},
		"directory still to be made": {"real/a/b", "link/a/b", "spool: {directory: %, exporter: {discard: }}", true},
		"two directories":            {"real/a", "link/b", "spool: {directory: %, exporter: {discard: }}", false},
		"file":                       {"real/app.log", "link/app.log", "file: {path: %}", true},
	} {
		t.Run(name, func(t *testing.T) {
			doc := "file_format: \"1.1\"\nlogger_provider:\n  processors:\n"
			for _, path := range []string{test.first, test.second} {
				quoted := "'" + filepath.Join(dir, path) + "'"
				doc += "    - async: {exporter: {" + strings.ReplaceAll(test.exporter, "%", quoted) + "}}\n"
			}
			_, err := Parse("test.yaml", []byte(doc))
			if got := err != nil && strings.Contains(err.Error(), "two exporters on one"); got != test.want {
				t.Errorf("error %v, want one of two exporters: %v", err, test.want)
			}
		})
	}
}
