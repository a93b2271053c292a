package config

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

func TestAttributes(t *testing.T) {
	t.Setenv("REGION", "eu")
	t.Setenv("PORT", "8080")
	path := filepath.Join(t.TempDir(), "app.jsonl")
	rt := start(t, `
resource: {attributes: [{name: service.name, value: shop}]}
logger_provider:
  processors:
    - attributes:
        set:
          bool: true
          int: 7
          float: 0.5
          text: "7"
          strings: [a, b]
          ints: [1, 2]
          floats: [1, 0.5]
          bools: [true, false]
          none: []
          port: ${PORT}
          region: {env: REGION}
          unset: {env: NOT_SET}
          service: {resource: service.name}
          user.id: {attribute: uid}
        delete: [uid, "tmp.*"]
    - attributes: {name: second, delete: [absent]}
    - async: {exporter: {file: {path: "`+path+`"}}}
`)
	rt.Logger("shop").Info("hello", "uid", 42, "tmp.a", 1, "tmp.b", 2, "kept", "k")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(lines(t, path)[0], `"msg":"hello",`)
	want := `"kept":"k","bool":true,"bools":[true,false],"float":0.5,"floats":[1.0,0.5],"int":7,"ints":[1,2],"none":[],` +
		`"port":8080,"region":"eu","service":"shop","strings":["a","b"],"text":"7","user.id":42}`
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
	if diff := cmp.Diff([]processors.StepStats{{Name: "redact"}, {Name: "attributes", Changed: 1}, {Name: "second"}}, rt.Stats().Steps); diff != "" {
		t.Error(diff)
	}
}
