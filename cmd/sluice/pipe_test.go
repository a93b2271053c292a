package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are lines that try to break out of one record. None holds a newline.
var hostile = []string{
	"",
	"\x00NUL\x00",
	"\x1b[2J\x1b]0;title\x07red",
	"carriage\rreturn",
	"broken \xff\xfe UTF-8 \xc3",
	"bidi \u202e override, line \u2028 and paragraph \u2029 separators",
	`{"msg":"escaped \u001b[31m \n newline","level":"error\nFATAL","logger":"a\nb","k\ney":"v\u0000"}`,
	`{"msg":1e999,"level":{},"time":"yesterday","trace_id":"zz","":"empty","":"twice"}`,
	`{"msg":"clash","time2":1,"attr.time":2,"level":"info","LEVEL":"x"}`,
	`{"msg":"unterminated`,
	strings.Repeat("[", 100_000),
	strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
	strings.Repeat(`{"a":`, 100_000),
	`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"otlp\u001b"}}]}]}]}`,
	`{"resourceLogs":7}`,
	`level=info msg="un"terminated" =x a== level=`,
	"attributes " + strings.Repeat("k=v ", 10_000),
	strings.Repeat("é", 600_000), // cut into two parts
}

func TestPipeSurvivesHostileInput(t *testing.T) {
	records := len(hostile) + 1
	input := strings.Join(hostile, "\n") + "\n"

	t.Run("json", func(t *testing.T) {
		config, logs := fileConfig(t, "1GiB")
		p := start(t, nil, "pipe", "--config", config)
		p.feed(t, input)
		p.wantExit(t, 0)
		content, err := os.ReadFile(logs)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range bytes.Lines(content) {
			n++
			if !json.Valid(line) || !utf8.Valid(line) {
				t.Errorf("line %d is broken: %.200q", n, line)
			}
		}
		if n != records {
			t.Errorf("%d lines, want %d", n, records)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		var out bytes.Buffer
		p := start(t, &out, "pipe")
		p.feed(t, input)
		p.wantExit(t, 0)
		p.wantStderr(t, fmt.Sprintf("sluice: terminal: %d accepted, %d delivered, 0 dropped\n", records, records))
		if n := strings.Count(out.String(), "\n"); n != records {
			t.Errorf("%d lines, want %d", n, records)
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool {
			return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\u202e'
		}); i >= 0 {
			t.Errorf("a control character gets through: %.80q", out.String()[i:])
		}
		if !utf8.Valid(out.Bytes()) {
			t.Error("the output is no UTF-8")
		}
	})
}

// What is told of a loss is why that happened, not what else is wrong.
func TestPipeTellsWhyRecordsWereLost(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "sluice.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `file_format: "1.1"
logger_provider:
  processors:
    - simple:
        exporter:
          spool:
            directory: %q
            max_size: 512KiB
            sync: never
            exporter: {socket: {endpoint: "unix:///nobody/listens/here.sock"}}
`, filepath.Join(dir, "queue")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "pipe", "--config", config, "--drain-timeout", "100ms")
	p.feed(t, strings.Repeat(strings.Repeat("x", 1000)+"\n", 1000))
	p.wantExit(t, 1)
	p.wantStderr(t, " error: spool: the queue on disk is full\nhint: the queue on disk did not take them")
}

// With a policy of its own the file decides: pipe drops, and says so.
func TestPipeObeysOnFull(t *testing.T) {
	const n = 200_000
	dir := t.TempDir()
	config, stats := filepath.Join(dir, "sluice.yaml"), filepath.Join(dir, "stats.json")
	if err := os.WriteFile(config, []byte(`file_format: "1.0"
logger_provider:
  processors:
    - async:
        max_queue_size: 64
        max_export_batch_size: 64
        on_full: drop_newest
        exporter:
          terminal: {format: text}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, w, "pipe", "--config", config, "--stats", stats)
	_ = w.Close()
	// Nobody reads the output while the input comes, which is all taken in
	// nevertheless.
	p.feed(t, string(numberLines(n)))
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	p.wantExit(t, 1)
	p.wantStderr(t, "error: records were lost: terminal: ")
	p.wantStderr(t, " queue_full")

	content, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	var books struct {
		Received  int
		Exporters map[string]struct {
			Accepted, Delivered, Spooled int
			Dropped                      map[string]int
		}
	}
	if err := json.Unmarshal(content, &books); err != nil {
		t.Fatal(err)
	}
	e := books.Exporters["terminal"]
	if books.Received != n || e.Accepted != n || e.Delivered+e.Dropped["queue_full"] != n || e.Dropped["queue_full"] == 0 {
		t.Errorf("the books do not balance: %s", content)
	}
}
