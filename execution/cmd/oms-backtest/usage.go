package main

import "syscall"

// used is what the process has taken so far: seconds of processor time, and the most memory it ever held, MiB.
func used() (cpuSeconds, peakMiB float64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, float64(u.Maxrss) / 1024
}
