// Package table prints small tables for people.
package table

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is a heading and rows of cells. A heading that starts with ">" aligns
// its column to the right.
type Table struct {
	heading []string
	right   []bool
	rows    [][]string
}

// New returns an empty table.
func New(heading ...string) *Table {
	t := &Table{heading: make([]string, len(heading)), right: make([]bool, len(heading))}
	for i, h := range heading {
		t.heading[i], t.right[i] = strings.CutPrefix(h, ">")
	}
	return t
}

// Row appends a row; missing cells stay empty, surplus ones are ignored.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.heading))
	copy(row, cells)
	t.rows = append(t.rows, row)
}

// WriteTo prints the table with every column as wide as its widest cell,
// indented by two spaces.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	width := make([]int, len(t.heading))
	for _, row := range append([][]string{t.heading}, t.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	rule := make([]string, len(width))
	for i, n := range width {
		rule[i] = strings.Repeat("─", n)
	}
	var b strings.Builder
	for _, row := range append([][]string{t.heading, rule}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if t.right[i] {
				line.WriteString("  " + pad + cell)
			} else {
				line.WriteString("  " + cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// Count writes n with its thousands apart: 1,234,567.
func Count(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	rest := strconv.FormatUint(n%1000, 10)
	return Count(n/1000) + "," + strings.Repeat("0", 3-len(rest)) + rest
}
