package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	// Not f.Fd(), which takes a pipe's write deadlines away.
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	tty := false
	err = conn.Control(func(fd uintptr) { tty = term.IsTerminal(int(fd)) })
	return tty && err == nil
}

// wantColor decides whether to colour. NO_COLOR wins over FORCE_COLOR: whoever
// cannot read colours must be able to rely on it.
func wantColor(mode string, tty bool, getenv func(string) string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	if getenv("NO_COLOR") != "" {
		return false
	}
	if v := getenv("FORCE_COLOR"); v != "" {
		return v != "0"
	}
	return tty && getenv("TERM") != "dumb"
}
