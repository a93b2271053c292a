//go:build unix

package spool

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What root would make, the service could not use.
func TestReplayAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	c := config(t, nil)
	bury(t, c, "a", 3)
	if err := os.Lchown(filepath.Join(c.Directory, "dead-letter"), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	d := openInspected(t, c)
	if done, err := d.Replay(); !errors.Is(err, ErrNotOwner) || len(done) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if all, err := d.Letters(); err != nil || len(all) != 1 || all[0].Records < 3 {
		t.Errorf("%+v, %v", all, err)
	}
}
