package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed2f724858/sluice"

// pkg is what the tests need of `go list -json`.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Imports      []string
	Deps         []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// rel is the package's place in the repository: "." for the root.
func (p pkg) rel() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// run returns the standard output of a command run in the repository's root.
func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = repository(t)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// packages lists the root module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(run(t, nil, "go", "list", "-json=ImportPath,Name,Dir,Imports,Deps,GoFiles,TestGoFiles,XTestGoFiles", "./...")))
	var list []pkg
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		t.Fatal("go list found no package")
	}
	return list
}

// files lists the repository's text files, new ones included, with their
// content. That this process opens each of them is also what tells `go test`
// when a cached result is out of date.
func files(t *testing.T) map[string]string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(repository(t), ".git")); err != nil {
		t.Skip("not a git checkout: ", err)
	}
	content := map[string]string{}
	for name := range strings.SplitSeq(string(run(t, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")), "\x00") {
		if name == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(repository(t), filepath.FromSlash(name)))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsRune(data, 0) {
			content[name] = string(data)
		}
	}
	return content
}

func TestNoPathOfThisMachine(t *testing.T) {
	root := repository(t)
	paths := []string{root, filepath.Join(filepath.Dir(root), "shared")}
	if cache := strings.TrimSpace(string(run(t, nil, "go", "env", "GOMODCACHE"))); cache != "" {
		paths = append(paths, cache)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		return strings.Count(p, string(filepath.Separator)) < 2 // "/src" stands in many an innocent place
	})
	for name, text := range files(t) {
		for _, p := range paths {
			if i := strings.Index(text, p+string(filepath.Separator)); i >= 0 {
				t.Errorf("%s:%d holds %s, a path of this machine", name, 1+strings.Count(text[:i], "\n"), p)
			}
		}
	}
}

// A name should say what is inside.
func TestNames(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "misc"}
	for name := range files(t) {
		for part := range strings.SplitSeq(name, "/") {
			stem := strings.TrimSuffix(strings.TrimSuffix(part, path.Ext(part)), "_test")
			for _, v := range vague {
				if stem == v {
					t.Errorf("%s: %q says nothing about its content", name, part)
				}
			}
		}
	}
	for _, p := range packages(t) {
		if dir := path.Base(p.rel()); p.Name != "main" && dir != "." && p.Name != dir {
			t.Errorf("package %s stands in a folder called %s", p.Name, dir)
		}
	}
}

// Every destination passes the conformance suite of package sinktest.
func TestEveryDestinationRunsTheConformanceSuite(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if !isDestination(p.rel()) {
			continue
		}
		found++
		runs := false
		for _, name := range append(p.TestGoFiles, p.XTestGoFiles...) {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			runs = runs || bytes.Contains(src, []byte("sinktest.Run("))
		}
		if !runs {
			t.Errorf("%s: no test calls sinktest.Run", p.rel())
		}
	}
	if found == 0 {
		t.Error("no destination found")
	}
}

func isDestination(rel string) bool {
	return strings.HasPrefix(rel, "exporters/") && rel != "exporters/sinktest" && !strings.Contains(rel+"/", "/internal/")
}

// The root module builds and vets, tests included, on other systems.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles everything twice")
	}
	for _, goos := range []string{"windows", "darwin"} {
		t.Run(goos, func(t *testing.T) {
			env := []string{"GOOS=" + goos, "CGO_ENABLED=0"}
			run(t, env, "go", "build", "./...")
			run(t, env, "go", "vet", "./...")
		})
	}
}
