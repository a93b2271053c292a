package table

import (
	"strings"
	"testing"
)

func TestTableAlignsColumns(t *testing.T) {
	tab := New("name", ">count", "where")
	tab.Row("file", Count(1234567), "logs/größe.jsonl")
	tab.Row("terminal", Count(0))
	tab.Row("surplus", Count(1000), "here", "ignored")
	var b strings.Builder
	n, err := tab.WriteTo(&b)
	if err != nil || int(n) != b.Len() {
		t.Fatalf("WriteTo = %d, %v; wrote %d bytes", n, err, b.Len())
	}
	want := `  name          count  where
  ────────  ─────────  ────────────────
  file      1,234,567  logs/größe.jsonl
  terminal          0
  surplus       1,000  here
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1,000", 10001: "10,001", 1002003: "1,002,003",
		18446744073709551615: "18,446,744,073,709,551,615",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
