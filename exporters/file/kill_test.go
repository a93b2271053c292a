package file

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

const killEnv = "FILE_TEST_KILL" // PATH|FORMAT|NAMING|SERIES

// uploadEnv names the directory that the killed process's hook copies to.
const uploadEnv = "FILE_TEST_UPLOAD"

func killConfig(path, format, naming string) Config {
	c := DefaultConfig()
	c.Path, c.Format = path, format
	naming, c.Rotation.Compression, _ = strings.Cut(naming, "+")
	c.Rotation.MaxSize, c.Rotation.Naming = 10000, naming
	c.Retention.MaxFiles = KeepAll
	return c
}

// TestKilledWriter is the process that TestKill kills: it writes without end
// and says on standard output how much Write has acknowledged.
func TestKilledWriter(t *testing.T) {
	args := strings.Split(os.Getenv(killEnv), "|")
	if len(args) != 4 {
		t.Skip("run by TestKill")
	}
	c := killConfig(args[0], args[1], args[2])
	if dir := os.Getenv(uploadEnv); dir != "" {
		c.Retention.MaxFiles, c.OnRotate = 2, upload(dir)
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(os.Stdout)
	for done := 0; ; {
		n, err := e.Write(context.Background(), sinktest.Records(args[3], done, 1+done%37))
		if err != nil {
			t.Fatal(err)
		}
		done += n
		fmt.Fprintf(out, "acked %d\n", done)
		out.Flush()
	}
}

// Whenever the process is killed, every record that Write acknowledged stands
// in the set exactly once and in order, and no torn record passes for a whole
// one.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	files := 1
	if os.Getenv("SLUICE_LONG") != "" {
		files = 20
	}
	for _, kind := range [][2]string{{"json", "timestamp"}, {"json", "numbered"}, {"otlp_json", "numbered"}, {"text", "timestamp"},
		{"json", "timestamp+zstd"}, {"json", "numbered+gzip"}} {
		t.Run(kind[0]+" "+kind[1], func(t *testing.T) {
			for range files {
				killTenTimes(t, killConfig(testConfig(t).Path, kind[0], kind[1]), rnd)
			}
		})
	}
}

func killTenTimes(t *testing.T, c Config, rnd *rand.Rand) {
	t.Helper()
	acked := make(map[string]int)
	var order []string
	for round := range 10 {
		series := "k" + string(rune('a'+round))
		order = append(order, series)
		acked[series] = killOnce(t, c, series, 1+rnd.IntN(30))
	}
	// Opening repairs what the last kill has torn.
	e := newTest(t, c)
	write(t, e, sinktest.Records("end", 0, 1))
	settle(e)
	wantTidy(t, c)
	checkKilled(t, c, order, acked)
}

// killOnce starts a writer and kills it some time after its n-th
// acknowledgement. It returns how many records it has acknowledged.
func killOnce(t *testing.T, c Config, series string, n int) (acked int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), killEnv+"="+strings.Join([]string{c.Path, c.Format, c.Rotation.Naming + "+" + c.Rotation.Compression, series}, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for ; ; n-- {
		if n == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(line, "acked %d\n", &acked); err != nil {
			t.Fatalf("the writer said %q", line)
		}
	}
	if err := cmd.Wait(); err == nil || n > 0 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return acked
}

func checkKilled(t *testing.T, c Config, order []string, acked map[string]int) {
	t.Helper()
	var got []string
	for line := range bytes.Lines(readSet(t, c)) {
		ids := sinktest.IDs(line)
		switch {
		case bytes.HasSuffix(line, []byte(tornMark+"\n")):
			continue
		case c.Format != "text" && !json.Valid(line):
			t.Errorf("no JSON: %q", line)
		case len(ids) == 0 || c.Format != "otlp_json" && len(ids) != 1:
			t.Errorf("%d records in the line %q", len(ids), line)
		case c.Format == "text" && !bytes.Contains(line, []byte("size=512\n")):
			t.Errorf("a torn record passes for a whole one: %q", line)
		}
		got = append(got, ids...)
	}
	// What was written and not acknowledged may be there, too, but in its place.
	for _, series := range append(order, "end") {
		n := 0
		for n < len(got) && got[n] == sinktest.ID(series, n) {
			n++
		}
		if want := max(acked[series], 0); n < want {
			t.Fatalf("series %s: %d records, %d acknowledged; then %.3q", series, n, want, got[n:min(n+3, len(got))])
		}
		got = got[n:]
	}
	if len(got) > 0 {
		t.Errorf("%d more records than were written: %.3q", len(got), got[:min(3, len(got))])
	}
}
