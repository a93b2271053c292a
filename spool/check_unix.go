//go:build unix && !linux

package spool

import "golang.org/x/sys/unix"

// canMakeIn reports why this user can make no file in a directory.
func canMakeIn(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
