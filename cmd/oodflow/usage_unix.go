//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"runtime"
	"syscall"
	"time"
)

// usage is what the system says that this process has used.
func usage() syscall.Rusage {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return syscall.Rusage{}
	}
	return u
}

// cpuTime is the user and system time of this process on all cores.
func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakRSS is the most memory that this process has had in use, in bytes.
func peakRSS() int64 {
	n := int64(usage().Maxrss)
	if runtime.GOOS == "darwin" { // in bytes there, in kilobytes elsewhere
		return n
	}
	return n << 10
}
