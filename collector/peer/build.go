package peer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/seed2f724858/sluice/collector"

// Main runs a package's tests and removes what they built; TestMain calls it:
//
//	func TestMain(m *testing.M) { os.Exit(peer.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	if err := collector.remove(); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		code = max(code, 1)
	}
	return code
}

// collector is the command testcollector, built when the first test of the
// process asks for it.
var collector command

type command struct {
	once sync.Once
	dir  string
	err  error
}

func (c *command) path() (string, error) {
	c.once.Do(func() {
		if c.dir, c.err = os.MkdirTemp("", "testcollector"); c.err == nil {
			c.err = c.build()
		}
	})
	name := "testcollector"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(c.dir, name), c.err
}

// build builds without the race detector, whatever the tests are built with:
// the Collector is not what they test.
func (c *command) build() error {
	source, err := exec.Command("go", "list", "-f", "{{.Dir}}", module+"/cmd/testcollector", module+"/internal/...").Output()
	if err != nil {
		return fmt.Errorf("find the Collector: %w%s", err, stderr(err))
	}
	if err := touch(string(source)); err != nil {
		return err
	}
	_, err = exec.Command("go", "build", "-o", c.dir+string(filepath.Separator), module+"/cmd/testcollector").Output()
	if err != nil {
		return fmt.Errorf("build the Collector: %w%s", err, stderr(err))
	}
	return nil
}

func (c *command) remove() error {
	if c.dir == "" {
		return nil
	}
	return os.RemoveAll(c.dir)
}

func stderr(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "\n" + string(exit.Stderr)
	}
	return ""
}

// touch opens the Go files of the directories that dirs lists, one a line:
// from that `go test` knows that a cached result depends on them.
func touch(dirs string) error {
	for dir := range strings.Lines(dirs) {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(dir), "*.go"))
		if err != nil {
			return err
		}
		for _, name := range files {
			if _, err := os.ReadFile(name); err != nil {
				return err
			}
		}
	}
	return nil
}
