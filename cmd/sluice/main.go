// Command sluice carries log records from programs to files, terminals and
// other destinations: it shows what the library does (demo), takes any
// program's lines (pipe), checks configuration files (validate) and looks into
// queues on disk (spool).
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
