package config

import (
	"strings"
	"testing"
)

// TestSubstitution holds the table of
// https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution.
func TestSubstitution(t *testing.T) {
	for name, value := range map[string]string{
		"STRING_VALUE":      "value",
		"BOOL_VALUE":        "true",
		"INT_VALUE":         "1",
		"FLOAT_VALUE":       "1.1",
		"HEX_VALUE":         "0xdeadbeef",
		"INVALID_MAP_VALUE": "value\nkey:value",
		"DO_NOT_REPLACE_ME": "Never use this value",
		"REPLACE_ME":        "${DO_NOT_REPLACE_ME}",
		"VALUE_WITH_ESCAPE": "value$$",
		"EMPTY":             "",
		"NULL_VALUE":        "null",
		"ALIAS":             "*anchor",
		"MAP":               "{a: b}",
		"COMMENT":           "a # b",
	} {
		t.Setenv(name, value)
	}
	for _, c := range []struct {
		yaml string
		text string
		kind kind
	}{
		{`${STRING_VALUE}`, "value", stringKind},
		{`${BOOL_VALUE}`, "true", boolKind},
		{`${INT_VALUE}`, "1", intKind},
		{`${FLOAT_VALUE}`, "1.1", floatKind},
		{`${HEX_VALUE}`, "0xdeadbeef", intKind},
		{`"${STRING_VALUE}"`, "value", stringKind},
		{`"${BOOL_VALUE}"`, "true", stringKind},
		{`"${INT_VALUE}"`, "1", stringKind},
		{`"${FLOAT_VALUE}"`, "1.1", stringKind},
		{`"${HEX_VALUE}"`, "0xdeadbeef", stringKind},
		{`${env:STRING_VALUE}`, "value", stringKind},
		{`${INVALID_MAP_VALUE}`, "value\nkey:value", stringKind},
		{`foo ${STRING_VALUE} ${FLOAT_VALUE}`, "foo value 1.1", stringKind},
		{`${UNDEFINED_KEY}`, "", nullKind},
		{`${UNDEFINED_KEY:-fallback}`, "fallback", stringKind},
		{`${REPLACE_ME}`, "${DO_NOT_REPLACE_ME}", stringKind},
		{`${UNDEFINED_KEY:-${STRING_VALUE}}`, "${STRING_VALUE}", stringKind},
		{`$${STRING_VALUE}`, "${STRING_VALUE}", stringKind},
		{`$$${STRING_VALUE}`, "$value", stringKind},
		{`$$$${STRING_VALUE}`, "$${STRING_VALUE}", stringKind},
		{`$${STRING_VALUE:-fallback}`, "${STRING_VALUE:-fallback}", stringKind},
		{`$${STRING_VALUE:-${STRING_VALUE}}`, "${STRING_VALUE:-value}", stringKind},
		{`${UNDEFINED_KEY:-$${UNDEFINED_KEY}}`, "${UNDEFINED_KEY:-${UNDEFINED_KEY}}", stringKind},
		{`${VALUE_WITH_ESCAPE}`, "value$$", stringKind},
		{`a $$ b`, "a $ b", stringKind},
		{`a $ b`, "a $ b", stringKind},

		// Beyond the table.
		{`${EMPTY:-fallback}`, "fallback", stringKind},
		{`${EMPTY}`, "", nullKind},
		{`"${EMPTY}"`, "", stringKind},
		{`${UNDEFINED_KEY:-}`, "", nullKind},
		{`${UNDEFINED_KEY:-5}`, "5", intKind},
		{`${env:UNDEFINED_KEY:-a:-b}`, "a:-b", stringKind},
		{`${NULL_VALUE}`, "null", nullKind},
		{`${INT_VALUE}${INT_VALUE}`, "11", intKind},
		{`${ALIAS}`, "*anchor", stringKind},
		{`${MAP}`, "{a: b}", stringKind},
		{`${COMMENT}`, "a # b", stringKind},
		{`${STRING_VALUE`, "${STRING_VALUE", stringKind},
		{`'${STRING_VALUE}'`, "value", stringKind},
		{"|\n  ${STRING_VALUE}\n  ${INT_VALUE}", "value\n1", stringKind},
		{`!!str ${INT_VALUE}`, "1", stringKind},
		{`!!int ${INT_VALUE}`, "1", intKind},
		{`$`, "$", stringKind},
		{`$$`, "$", stringKind},
		{`${}`, "${}", stringKind},
	} {
		r := &reader{file: "F"}
		n := r.document([]byte("key: " + c.yaml))
		if n == nil {
			t.Errorf("%s: %v", c.yaml, r.errs)
			continue
		}
		got := n.entries[0].value
		if got.text != c.text || got.kind != c.kind {
			t.Errorf("%s: %q, %s; want %q, %s", c.yaml, got.text, got.kind, c.text, c.kind)
		}
	}
	for _, bad := range []string{"${STRING_VALUE:?error}", "${1API_KEY}", "${API_$KEY}", "${sys:x}", "${env:}", "${env:1}", "${ A}", "${A }", "${A:b}"} {
		r := &reader{file: "F"}
		if n := r.document([]byte("key: \"" + bad + "\"")); n == nil || !strings.Contains(r.errs.Error(), "F:1:6: key: "+bad) {
			t.Errorf("%s: %v", bad, r.errs)
		}
	}
	r := &reader{file: "F"}
	if n := r.document([]byte("${STRING_VALUE}: value")); n == nil || n.entries[0].value.key != "${STRING_VALUE}" {
		t.Errorf("a key was replaced: %v, %v", n, r.errs)
	}
}

// TestResolve holds YAML's core schema
// (https://yaml.org/spec/1.2.2/#1032-tag-resolution).
func TestResolve(t *testing.T) {
	for s, want := range map[string]kind{
		"": nullKind, "~": nullKind, "null": nullKind, "NULL": nullKind, "nULL": stringKind,
		"true": boolKind, "False": boolKind, "tRUE": stringKind, "yes": stringKind, "on": stringKind, "y": stringKind,
		"0": intKind, "-19": intKind, "+7": intKind, "007": intKind, "0o14": intKind, "0x3A": intKind,
		"0o8": stringKind, "0xg": stringKind, "-0x1": stringKind, "0b1": stringKind, "1_000": stringKind, "0x": stringKind, "+": stringKind, "-": stringKind,
		"0.": floatKind, "-0.0": floatKind, ".5": floatKind, "+12e03": floatKind, "-2E+05": floatKind, "1e400": floatKind, ".inf": floatKind, "-.Inf": floatKind, "+.INF": floatKind, ".nan": floatKind, ".NaN": floatKind,
		".": stringKind, "e1": stringKind, "1e": stringKind, "--1": stringKind, "1.2.3": stringKind, "-.nan": stringKind, "inf": stringKind, "NaN": stringKind, "5s": stringKind, "2001-01-01": stringKind,
	} {
		if got := resolve(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, s := range []string{"${A}", "$$${A}", "${A:-${A}}", "$${A:-${A}}", "${", "$", "}", "${1}", "${env:A}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		t.Setenv("A", "${B}$$")
		t.Setenv("B", "never")
		sub, err := substitute(s)
		out := sub.text
		if err == nil && strings.Contains(out, "never") && !strings.Contains(s, "never") && !strings.Contains(s, "B") {
			t.Errorf("%q: what a variable holds was looked at again: %q", s, out)
		}
		if err == nil && !strings.Contains(s, "$") && out != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}
