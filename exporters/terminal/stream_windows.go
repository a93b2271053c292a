package terminal

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// prepareColor switches the console's reading of escape sequences on, and
// reports whether it has it. What is no console passes them on.
func prepareColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return true
	}
	handle := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(handle, &mode) != nil {
		return true
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

func isEPIPE(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}
