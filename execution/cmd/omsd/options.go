package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

type options struct {
	dir, socket, risk, register, reference, session, audit, region, metrics, feed, stamps string
	auditBacklog                                                                          uint64
}

var regionForm = regexp.MustCompile(`^[A-Z]{2,4}$`)

// newFlags declares every flag there is. None of them leads anywhere but to riskd's socket; --metrics is where omsd itself
// listens, on loopback only.
func newFlags(o *options) *flag.FlagSet {
	fs := flag.NewFlagSet("omsd", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.dir, "dir", "", "directory of omsd's journal, lock and metrics")
	fs.StringVar(&o.socket, "socket", "", "Unix socket to serve gRPC on")
	fs.StringVar(&o.risk, "risk", "", "Unix socket of riskd")
	fs.StringVar(&o.register, "register", "", "the register of strategies, register.jsonl")
	fs.StringVar(&o.reference, "reference", "", "the session's reference.json (beside the register when not given)")
	fs.StringVar(&o.session, "session", "", "how the session is traded, session.json (beside the register when not given; without the file every order goes at once)")
	fs.StringVar(&o.metrics, "metrics", "", "serve metrics and readiness on loopback TCP too, such as 127.0.0.1:9464 (DIR/metrics.sock serves them always)")
	fs.StringVar(&o.audit, "audit", "", "file with the data source name of the audit table's database (none: no audit table)")
	fs.Uint64Var(&o.auditBacklog, "audit-backlog", 200_000, "records that the audit table may be behind before nothing is opened")
	fs.StringVar(&o.feed, "feed", "", "Unix socket of a market data server (sizes, volume, and what the cost analysis reads; prices stay riskd's; none: no feed)")
	fs.StringVar(&o.stamps, "stamps", "", "file that gets a stamp of every step of every order, for measurements (none: no stamps)")
	fs.StringVar(&o.region, "region", "", "region to trade, US or HK")
	return fs
}

// parseOptions reads the command line; every fault is in the one error.
func parseOptions(args []string) (options, error) {
	var o options
	fs := newFlags(&o)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, errors.New(usage(fs))
		}
		return o, fmt.Errorf("%w; %s", err, usage(fs))
	}
	var faults []string
	if fs.NArg() > 0 {
		faults = append(faults, fmt.Sprintf("unexpected argument %q", fs.Arg(0)))
	}
	for _, f := range []struct{ name, value string }{
		{"dir", o.dir}, {"socket", o.socket}, {"risk", o.risk}, {"register", o.register}, {"region", o.region},
	} {
		if f.value == "" {
			faults = append(faults, "--"+f.name+" is missing")
		}
	}
	if o.region != "" && !regionForm.MatchString(o.region) {
		faults = append(faults, fmt.Sprintf("--region %q is not a region such as US or HK", o.region))
	}
	if o.metrics != "" {
		if _, err := loopback(o.metrics); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return o, fmt.Errorf("%s; %s", strings.Join(faults, "; "), usage(fs))
	}
	if o.reference == "" {
		o.reference = filepath.Join(filepath.Dir(o.register), "reference.json")
	}
	if o.session == "" {
		o.session = filepath.Join(filepath.Dir(o.register), "session.json")
	}
	return o, nil
}

func usage(fs *flag.FlagSet) string {
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name+" "+strings.ToUpper(f.Name)) })
	return "usage: omsd " + strings.Join(names, " ")
}
