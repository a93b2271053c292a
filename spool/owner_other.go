//go:build !unix

package spool

// canReplay leaves it to the access rights, which files inherit.
func canReplay(string) error { return nil }
