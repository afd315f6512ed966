//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "time"

func cpuTime() time.Duration { return 0 }

func peakRSS() int64 { return 0 }
