package spool

import (
	"errors"

	"golang.org/x/sys/unix"
)

// kernels are file systems in which the kernel shows itself. Whoever may write
// there can still make nothing; they say so with the error of a missing file.
var kernels = map[int64]string{
	unix.PROC_SUPER_MAGIC:    "proc",
	unix.SYSFS_MAGIC:         "sysfs",
	unix.SECURITYFS_MAGIC:    "securityfs",
	unix.DEVPTS_SUPER_MAGIC:  "devpts",
	unix.EFIVARFS_MAGIC:      "efivarfs",
	unix.BINFMTFS_MAGIC:      "binfmt_misc",
	unix.CGROUP2_SUPER_MAGIC: "cgroup2",
	unix.CGROUP_SUPER_MAGIC:  "cgroup",
}

// canMakeIn reports why this user can make no file in a directory.
func canMakeIn(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil // which says nothing about the directory
	}
	if name, ok := kernels[int64(fs.Type)]; ok {
		return errors.New("it belongs to the kernel (" + name + "): write a directory of a disk")
	}
	return nil
}
