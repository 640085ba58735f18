package main

import (
	"os"
	"runtime/pprof"
	"time"
)

func init() {
	if p := os.Getenv("OMSD_PROF"); p != "" {
		go func() {
			time.Sleep(4 * time.Second)
			f, _ := os.Create(p)
			_ = pprof.StartCPUProfile(f)
			time.Sleep(6 * time.Second)
			pprof.StopCPUProfile()
			f.Close()
		}()
	}
}
