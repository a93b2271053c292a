//go:build !linux && !darwin && !freebsd && !windows

package file

import "errors"

// knowsFree is false where nobody can tell how much is free: Validate refuses
// min_free there.
const knowsFree = false

func freeBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
