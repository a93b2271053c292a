package sqllog

import (
	"database/sql/driver"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		system string
		query  string
		want   string
	}{
		{"placeholders", "", "SELECT a1, b_2 FROM t3 WHERE x = ? AND y = ?1 AND z = $1 AND v = :name AND w = @p1 AND u=:1", "SELECT a1, b_2 FROM t3 WHERE x = ? AND y = ?1 AND z = $1 AND v = :name AND w = @p1 AND u=:1"},
		{"string", "", "ALTER USER ann PASSWORD 'canary'", "ALTER USER ann PASSWORD ?"},
		{"empty string", "", "SELECT '', ''", "SELECT ?, ?"},
		{"doubled quote", "", "SELECT 'it''s canary', 1", "SELECT ?, ?"},
		{"prefixes", "", "SELECT N'canary', E'canary', X'CA', U&'canary', _utf8'canary'", "SELECT N?, E?, X?, U&?, _utf8?"},
		{"numbers", "", "SELECT 1, -2.5, 1e10, 0xCAFE, 1_000 FROM t LIMIT 10", "SELECT ?, -?, ?, ?, ? FROM t LIMIT ?"},
		{"long placeholder", "", "SELECT $4111111111111111", "SELECT $?"},
		{"slice", "postgresql", "SELECT a[1:2]", "SELECT a[?:?]"},
		{"cast", "postgresql", "SELECT x::text, '5'::int", "SELECT x::text, ?::int"},
		{"unterminated", "", "SELECT 'canary", "SELECT ?"},
		{"even backslashes", "", `SELECT 'a\\', b`, `SELECT ?, b`},
		{"odd backslashes", "", `SELECT 'a\', 'canary', b`, `SELECT ?`},
		{"backslash elsewhere", "", `SELECT 'a\n', b`, `SELECT ?, b`},
		{"three quotes", "", "SELECT '''it's canary'''", "SELECT ?"},
		{"double quotes, unknown", "", `SELECT "canary" FROM t`, `SELECT ? FROM t`},
		{"double quotes, PostgreSQL", "postgresql", `SELECT "a""b" FROM "T"`, `SELECT "a""b" FROM "T"`},
		{"double quotes, MySQL", "mysql", `SELECT "it's canary", 'say "canary"'`, `SELECT ?, ?`},
		{"unterminated identifier", "postgresql", `SELECT "canary`, `SELECT ?`},
		{"backticks", "mysql", "SELECT `it's` FROM t WHERE a = 'canary'", "SELECT `it's` FROM t WHERE a = ?"},
		{"brackets", "", "SELECT [my col] FROM [dbo].[t] WHERE a = 'canary'", "SELECT [my col] FROM [dbo].[t] WHERE a = ?"},
		{"brackets with a quote", "", "SELECT [it's] FROM t WHERE a = 'canary'", "SELECT ?"},
		{"brackets with a bracket", "", "SELECT [a]]b'c] FROM t WHERE a = 'canary'", "SELECT ?"},
		{"array", "postgresql", "SELECT ARRAY['canary', 'b']", "SELECT ARRAY[?, ?]"},
		{"comment", "", "SELECT 1 -- don't canary\nFROM t WHERE a = 'canary'", "SELECT ? \nFROM t WHERE a = ?"},
		{"comment at the end", "", "SELECT a --", "SELECT a "},
		{"comment with CRLF", "", "SELECT a -- don't\r\nFROM t", "SELECT a \r\nFROM t"},
		{"comment with a carriage return", "", "SELECT a -- x\rdon't canary\n, 'canary'", "SELECT a ?"},
		{"minus minus", "", "SELECT 5--'canary\n canary'", "SELECT ??"},
		{"minus minus without a quote", "", "SELECT 5--2\n, a", "SELECT ?\n, a"},
		{"minus minus, PostgreSQL", "postgresql", "SELECT 5--don't\n, a", "SELECT ?\n, a"},
		{"block comment", "", "SELECT /* don't canary */ a FROM t", "SELECT   a FROM t"},
		{"nested comment", "", "SELECT /* a /* b */ 'canary' */ c", "SELECT ?"},
		{"executed comment", "mysql", "SELECT /*!50000 'a*/ canary' */", "SELECT ?"},
		{"unterminated comment", "", "SELECT a /* canary", "SELECT a ?"},
		{"hash, unknown", "", "SELECT * FROM #tmp WHERE a = ?", "SELECT * FROM #tmp WHERE a = ?"},
		{"hash with a quote, unknown", "", "SELECT a # don't\n, 'canary'", "SELECT a ?"},
		{"hash, MySQL", "mysql", "SELECT a # don't canary\n, 'canary'", "SELECT a \n, ?"},
		{"hash, PostgreSQL", "postgresql", "SELECT a #>> '{canary}', b", "SELECT a #>> ?, b"},
		{"dollar quotes", "", "SELECT $$it's canary$$, $t$ $$canary$$ $t$, b", "SELECT ?, ?, b"},
		{"dollar quotes unterminated", "", "SELECT $t$canary$$", "SELECT ?"},
		{"dollar in a name", "", "SELECT a$b$, v$session FROM t", "SELECT a$b$, v$session FROM t"},
		{"dollar alone", "", "SELECT $, $x", "SELECT $, $x"},
		{"Oracle quotes", "oracle.db", "SELECT q'[it's canary]', nQ'!a'b!', b", "SELECT q?, nQ?, b"},
		{"Oracle quotes unterminated", "oracle.db", "SELECT q'[it's canary'", "SELECT q?"},
		{"password without quotes or BY", "", "ALTER USER ann PASSWORD canary VALID UNTIL 'x'", "ALTER USER ann PASSWORD ? VALID UNTIL ?"},
		{"a comment or an operator", "", "SELECT 1 # canary", "SELECT ? ?"},
		{"password without quotes", "oracle.db", "ALTER USER ann IDENTIFIED BY canary REPLACE canary", "ALTER USER ann IDENTIFIED?"},
		{"unicode", "", "SELECT größe FROM tabelle WHERE straße = 'canary'", "SELECT größe FROM tabelle WHERE straße = ?"},
		{"empty", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := read(tt.query, quotesOf(tt.system)).masked
			if got != tt.want {
				t.Errorf("%q\n got %q\nwant %q", tt.query, got, tt.want)
			}
			if strings.Contains(got, "canary") {
				t.Error("a literal is left")
			}
		})
	}
}

func TestReadIsBounded(t *testing.T) {
	r := read("SELECT "+strings.Repeat("é", 1<<20), unknown)
	if len(r.masked) > maxRead || !r.cut || !utf8.ValidString(r.masked) {
		t.Errorf("%d bytes, cut: %t", len(r.masked), r.cut)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"SELECT 'a''b', $$c$$ -- d\n/* e */ FROM `f` WHERE g = ?", `'a\' "b" [c] #d`, "q'[x]' $1 :2 @p 1.5", "'''", "/*/**/*/", "--\r'\n'", "x'", "$a$$a",
	} {
		f.Add(s, uint8(0), s)
	}
	f.Fuzz(func(t *testing.T, query string, kind uint8, value string) {
		q := quotes(kind % 3)
		r := read(query, q)
		if len(r.masked) > len(query)+1 {
			t.Errorf("%q grew to %q", query, r.masked)
		}
		if utf8.ValidString(query) && !utf8.ValidString(r.masked) {
			t.Errorf("%q became invalid: %q", query, r.masked)
		}
		if strings.Contains(r.masked, "'") && !strings.ContainsAny(query, "\"`") {
			t.Errorf("%q: an apostrophe is left in %q", query, r.masked)
		}
		// A well-formed literal is never read as code, be it of a dialect with
		// backslash escapes or without.
		const canary = "canaryÿ"
		if strings.Contains(value, canary) || strings.Contains(query, canary) || len(query)+len(value) > maxRead/2 {
			return
		}
		plain := "SELECT a, '" + strings.ReplaceAll(value, "'", "''") + canary + "', b"
		escaped := "SELECT a, '" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + canary + "', b"
		for _, statement := range []string{plain, escaped} {
			if got := read(statement, q).masked; strings.Contains(got, canary) {
				t.Errorf("%q: the literal is left in %q", statement, got)
			}
		}
	})
}

func FuzzWithhold(f *testing.F) {
	f.Add("near ", "it's hunter2", "\n")
	f.Add("", "a''b", "''")
	f.Add("value: '", "p@$$word-p@$$word", ".")
	f.Fuzz(func(t *testing.T, before, value, after string) {
		if len(value) < minSecret || strings.Contains(value, "?") || len(before)+2*len(value)+len(after) > maxText {
			return
		}
		message := before + value + after
		literal := read("SELECT '"+strings.ReplaceAll(value, "'", "''")+"'", unknown)
		if got := literal.withhold(message, nil); !strings.Contains(value, `\`) && value[0] != '\'' && strings.Contains(got, value) {
			t.Errorf("literal %q is left in %q", value, got)
		}
		none := read("SELECT $1", unknown)
		if got := none.withhold(message, []driver.NamedValue{{Value: value}}); strings.Contains(got, value) {
			t.Errorf("parameter %q is left in %q", value, got)
		}
		quoted := value[:minSecret+(len(value)-minSecret)/2]
		message = before + quoted + "'" + after
		if got := none.withhold(message, []driver.NamedValue{{Value: value}}); !strings.Contains(before+after, value[:minSecret]) && strings.Contains(got, quoted) {
			t.Errorf("%q of parameter %q is left in %q", quoted, value, got)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for name, query := range map[string]string{
		"statement": "SELECT c.id, c.total FROM carts c JOIN users u ON u.id = c.user_id WHERE u.email = ? AND c.state = 'open' LIMIT 10",
		"literals":  strings.Repeat("'a' ", maxRead/4),
		"brackets":  strings.Repeat("[", maxRead),
		"dollars":   strings.Repeat("$a", maxRead/2),
		"tags":      strings.Repeat("$a$ ", maxRead/4),
		"hashes":    strings.Repeat("#\n", maxRead/2),
		"dashes":    strings.Repeat("-- \n", maxRead/4),
		"colons":    strings.Repeat(":", maxRead),
		"q":         strings.Repeat("q'a ", maxRead/4),
		"escapes":   strings.Repeat("\\", maxRead) + "'",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(query)))
			for b.ReportAllocs(); b.Loop(); {
				read(query, unknown)
			}
		})
	}
}
