//go:build !windows

package terminal

import (
	"errors"
	"io"
	"syscall"
)

// prepareColor reports that every terminal of these systems reads colours.
func prepareColor(io.Writer) bool { return true }

func isEPIPE(err error) bool { return errors.Is(err, syscall.EPIPE) }
