package main

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// pacer lets its goroutine go on at intended moments. It sleeps and does not spin: on a small machine a core that spins
// is missed by what is measured.
type pacer struct{}

// newPacer ties the calling goroutine to its thread and asks the kernel for timers without slack, which is 50 us otherwise.
func newPacer() (pacer, error) {
	runtime.LockOSThread()
	return pacer{}, unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// until returns at the moment, or at once when it is past.
func (pacer) until(ns int64) {
	for {
		left := ns - time.Now().UnixNano()
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(left)
		if err := unix.Nanosleep(&ts, nil); err != nil && !errors.Is(err, unix.EINTR) {
			time.Sleep(time.Duration(left))
		}
	}
}
