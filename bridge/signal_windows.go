package bridge

import (
	"os"
	"syscall"
)

func die(s os.Signal) {
	number, _ := s.(syscall.Signal)
	os.Exit(128 + int(number))
}
