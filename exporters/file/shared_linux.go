package file

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// lockable refuses network file systems, where flock(2) may hold among the
// processes of one machine only, or a writer may see an old end of the file
// (flock(2), "NFS details"; open(2), O_APPEND).
func lockable(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("file: shared: %q: %w", dir, err)
	}
	return lockableType(dir, int64(s.Type))
}

func lockableType(dir string, magic int64) error {
	name := map[int64]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB",
		unix.AFS_SUPER_MAGIC: "AFS", unix.CODA_SUPER_MAGIC: "Coda", unix.NCP_SUPER_MAGIC: "NCP", unix.V9FS_MAGIC: "9P",
	}[magic]
	if name == "" {
		return nil
	}
	return fmt.Errorf("file: shared: %q is on a network file system (%s), whose locks cannot be relied on: use a local directory, or a file for each process", dir, name)
}
