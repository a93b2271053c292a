//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

import (
	"errors"
	"io"
)

// Files are shared, and measured, where there is flock(2).
const canShare = false

func newLockedFile(string, int64) (io.WriteCloser, error) { return nil, errors.ErrUnsupported }
