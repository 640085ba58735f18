// Command omsload puts load on omsd and times it, for `dnalyaw bench oms`: a stream of target updates of which each makes
// one order, a bare socket echo to compare with, and a sink that stands where riskd does. It prints one JSON object.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const usage = "usage: omsload open|closed|sink|echo [--OPTION VALUE ...]; `omsload VERB --help` lists a verb's options"

type options struct {
	socket, echo, stamps, strategy, out, reference string
	session                                        uint
	first, names                                   int
	weight                                         float64
	rate                                           float64
	seconds, slice                                 time.Duration
	window                                         int
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	answer, err := command(args)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(stderr, "omsload: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return 1
	}
	return 0
}

func command(args []string) (any, error) {
	if len(args) == 0 {
		return nil, errors.New(usage)
	}
	var o options
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	fs.StringVar(&o.socket, "socket", "", "omsd's socket; of sink and echo: the socket to serve")
	fs.StringVar(&o.echo, "echo", "", "socket of the echo that is timed between the slices of load")
	fs.StringVar(&o.stamps, "stamps", "", "omsd's file of stamps: a closed loop sees there what has ended")
	fs.StringVar(&o.strategy, "strategy", "bench", "whose targets are updated")
	fs.StringVar(&o.out, "out", ".", "directory for what was sent")
	fs.StringVar(&o.reference, "reference", "", "the session's reference.json")
	fs.UintVar(&o.session, "session", 0, "YYYYMMDD")
	fs.IntVar(&o.first, "first", 0, "the first instrument's id")
	fs.IntVar(&o.names, "names", 0, "how many instruments, with consecutive ids")
	fs.Float64Var(&o.weight, "weight", 0, "of a name that is held")
	fs.Float64Var(&o.rate, "rate", 0, "updates a second")
	fs.DurationVar(&o.seconds, "seconds", 0, "how long load is measured")
	fs.DurationVar(&o.slice, "slice", time.Second, "how long a slice of load is; one of echo is half as long")
	fs.IntVar(&o.window, "window", 64, "orders under way in a closed loop")
	if err := fs.Parse(args[1:]); err != nil {
		return nil, err
	}
	switch args[0] {
	case "open":
		return openLoop(o)
	case "closed":
		return closedLoop(o)
	case "sink":
		return nil, serveSink(o)
	case "echo":
		return nil, serveEcho(o.socket)
	}
	return nil, fmt.Errorf("no verb %q; %s", args[0], usage)
}
