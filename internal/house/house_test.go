package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rule says what a place in the repository may import.
type rule struct {
	// place is a package's folder; "/*" at its end stands for every package
	// below it. The first rule that fits counts.
	place string
	// may lists the places of this module that it may import.
	may []string
	// sdk permits it to import the OpenTelemetry SDK by itself.
	sdk bool
	// apiOnly forbids the SDK even below what it imports.
	apiOnly bool
	// heavy permits gRPC and SQLite to be linked.
	heavy bool
}

var rules = []rule{
	{place: "record", apiOnly: true},
	{place: "encode", may: []string{"record"}, apiOnly: true},
	// What encoders escape, decoders undo: the rule stands once.
	{place: "decode", may: []string{"record", "encode"}, apiOnly: true},
	{place: "redact", may: []string{"record"}, apiOnly: true},
	{place: "exporters", may: []string{"record", "encode"}, sdk: true},
	{place: "exporters/sinktest", may: []string{"record", "encode", "exporters"}, sdk: true},
	{place: "exporters/otlp/otlpgrpc", may: []string{"record", "encode", "exporters", "redact", "exporters/otlp"}, heavy: true},
	{place: "exporters/sqlite", may: []string{"record", "encode", "exporters", "redact"}, heavy: true},
	{place: "exporters/*", may: []string{"record", "encode", "exporters", "redact"}},
	{place: "spool", may: []string{"record", "encode", "decode", "redact", "exporters"}},
	{place: "processors", may: []string{"record", "redact", "exporters"}, sdk: true},
	{place: "bridge", may: []string{"record", "processors", "redact"}},
	{place: "bridge/*", may: []string{"bridge", "record", "processors", "redact"}},
	{place: "admin", may: []string{"record", "exporters", "processors"}},
	{place: "config/all", may: []string{"config", "config/internal/*", "record", "exporters", "exporters/*", "processors"}, sdk: true, heavy: true},
	{place: "config", may: []string{"record", "encode", "decode", "redact", "exporters", "exporters/*", "spool", "processors", "bridge"}, sdk: true},
	{place: ".", may: []string{"config", "bridge"}},
	{place: "sluicetest", may: []string{".", "config", "bridge", "processors", "exporters", "encode", "record"}},
	{place: "cmd/*", may: []string{"*"}, sdk: true, heavy: true},
	{place: "internal/house"},
}

func fits(pattern, rel string) bool {
	if pattern == "*" {
		return true
	}
	if dir, below := strings.CutSuffix(pattern, "/*"); below {
		return strings.HasPrefix(rel, dir+"/")
	}
	return rel == pattern
}

// home is the place whose rule a package follows: an internal package is part
// of the one around it.
func home(rel string) string {
	if before, _, ok := strings.Cut(rel+"/", "/internal/"); ok {
		return before
	}
	return rel
}

func ruleFor(rel string) (rule, bool) {
	i := slices.IndexFunc(rules, func(r rule) bool { return fits(r.place, home(rel)) })
	if i < 0 {
		return rule{}, false
	}
	return rules[i], true
}

const (
	sdkPrefix = "go.opentelemetry.io/otel/sdk"
	pdata     = "go.opentelemetry.io/collector/"
)

var heavyModules = []string{"google.golang.org/grpc", "modernc.org/sqlite"}

// violations returns what a package's imports break.
func violations(p pkg) []string {
	r, ok := ruleFor(p.rel())
	if !ok {
		return []string{"no rule says what it may import: add one"}
	}
	var found []string
	for _, imported := range p.Imports {
		other, ours := pkg{ImportPath: imported}, imported == module || strings.HasPrefix(imported, module+"/")
		switch {
		case ours && home(other.rel()) == home(p.rel()):
		case ours && !slices.ContainsFunc(r.may, func(m string) bool { return fits(m, home(other.rel())) }):
			found = append(found, "must not import "+imported)
		case isDestination(p.rel()) && strings.HasPrefix(imported, "go.opentelemetry.io/otel/sdk/log"):
			found = append(found, "must use the SDK's log package through the adapter of package exporters")
		case !r.sdk && strings.HasPrefix(imported, sdkPrefix):
			found = append(found, "must not import the SDK: "+imported)
		}
	}
	for _, dep := range p.Deps {
		switch {
		case r.apiOnly && strings.HasPrefix(dep, sdkPrefix):
			found = append(found, "must not depend on the SDK: "+dep)
		case strings.HasPrefix(dep, pdata):
			found = append(found, "must not depend on the Collector: "+dep)
		case !r.heavy && slices.ContainsFunc(heavyModules, func(m string) bool { return dep == m || strings.HasPrefix(dep, m+"/") }):
			found = append(found, "must not link "+dep)
		}
	}
	return found
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, v := range violations(p) {
			t.Errorf("%s: %s", p.rel(), v)
		}
	}
}

// The rules themselves: what they exist to catch is caught.
func TestImportRulesCatch(t *testing.T) {
	in := func(rel string) string { return path.Join(module, rel) }
	for name, p := range map[string]pkg{
		"unknown folder":            {ImportPath: in("elsewhere")},
		"record on the SDK":         {ImportPath: in("record"), Deps: []string{sdkPrefix + "/log"}},
		"encode on exporters":       {ImportPath: in("encode"), Imports: []string{in("exporters")}},
		"destination on another":    {ImportPath: in("exporters/file"), Imports: []string{in("exporters/terminal")}},
		"destination on sdk/log":    {ImportPath: in("exporters/file"), Imports: []string{sdkPrefix + "/log"}},
		"destination on pdata":      {ImportPath: in("exporters/file"), Deps: []string{pdata + "pdata/plog"}},
		"file on gRPC":              {ImportPath: in("exporters/file"), Deps: []string{"google.golang.org/grpc"}},
		"processors on SQLite":      {ImportPath: in("processors"), Deps: []string{"modernc.org/sqlite/lib"}},
		"processors on config":      {ImportPath: in("processors"), Imports: []string{in("config")}},
		"bridge on the SDK":         {ImportPath: in("bridge"), Imports: []string{sdkPrefix + "/log"}},
		"bridge on a destination":   {ImportPath: in("bridge"), Imports: []string{in("exporters/file")}},
		"inner package on another":  {ImportPath: in("exporters/file/internal/names"), Imports: []string{in("exporters/terminal")}},
		"config on the face":        {ImportPath: in("config"), Imports: []string{module}},
		"config on admin":           {ImportPath: in("config"), Imports: []string{in("admin")}},
		"admin on config":           {ImportPath: in("admin"), Imports: []string{in("config")}},
		"the face on a destination": {ImportPath: module, Imports: []string{in("exporters/file")}},
	} {
		if len(violations(p)) == 0 {
			t.Errorf("%s: not noticed", name)
		}
	}
	for name, p := range map[string]pkg{
		"cmd on all":                          {ImportPath: in("cmd/sluice"), Imports: []string{in("config"), in("exporters/file")}, Deps: []string{"google.golang.org/grpc"}},
		"destination on the house":            {ImportPath: in("exporters/file"), Imports: []string{in("record"), in("encode"), in("exporters")}, Deps: []string{sdkPrefix + "/log"}},
		"destination on what exporters share": {ImportPath: in("exporters/file"), Imports: []string{in("exporters/internal/httpclient")}},
		"own inner package":                   {ImportPath: in("exporters/file"), Imports: []string{in("exporters/file/internal/names")}},
	} {
		if v := violations(p); len(v) > 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// Nothing registers itself: components stand in one explicit list.
func TestNoInit(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: %s has an init function", p.rel(), name)
				}
			}
		}
	}
}
