package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
)

type options struct {
	journal, kind, writer, dsn, dsnFile, status, anchors string
	count                                                int
	once                                                 bool
}

// secretInDSN finds the user's password and that of the client's TLS key.
var secretInDSN = regexp.MustCompile(`(?i)password\s*=`)

// percent is a byte as a URL may write it.
var percent = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// parse reads a command's options; every fault is in the one error.
func parse(args []string, needed ...string) (options, error) {
	var o options
	fs := flag.NewFlagSet("auditd", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.journal, "journal", "", "the journal's directory")
	fs.StringVar(&o.kind, "kind", "", "whose journal it is, omsd or riskd")
	fs.StringVar(&o.writer, "writer", "", "the writer's name in the table, such as riskd-US")
	fs.StringVar(&o.dsn, "dsn", "", "connection string of the database, without a password")
	fs.StringVar(&o.dsnFile, "dsn-file", "", "file that holds it, readable by its owner alone")
	fs.StringVar(&o.status, "status", "", "file to write where the shipper stands")
	fs.StringVar(&o.anchors, "anchors", "", "directory of auditd's own journal of anchors (beside --status when not given)")
	fs.IntVar(&o.count, "count", 20, "rows to show")
	fs.BoolVar(&o.once, "once", false, "end when the table has everything")
	if err := fs.Parse(args); err != nil {
		return o, fmt.Errorf("%w; %w", err, errUsage)
	}
	var faults []string
	if fs.NArg() > 0 {
		faults = append(faults, fmt.Sprintf("unexpected argument %q", fs.Arg(0)))
	}
	for _, name := range needed {
		if fs.Lookup(name).Value.String() == "" {
			faults = append(faults, "--"+name+" is missing")
		}
	}
	if (o.dsn == "") == (o.dsnFile == "") {
		faults = append(faults, "give one of --dsn and --dsn-file")
	}
	if o.dsn != "" && hasSecret(o.dsn) {
		faults = append(faults, "--dsn holds a password, which every user of this machine can see; put it into a file of mode 0600 and use --dsn-file")
	}
	if o.kind != "" && o.kind != "omsd" && o.kind != "riskd" {
		faults = append(faults, fmt.Sprintf("--kind %q is neither omsd nor riskd", o.kind))
	}
	if (o.journal == "") != (o.kind == "") {
		faults = append(faults, "--journal and --kind go together")
	}
	if o.writer != "" {
		if err := audit.CheckWriter(o.writer); err != nil {
			faults = append(faults, "--writer: "+err.Error())
		}
	}
	if o.count < 1 || o.count > 100_000 {
		faults = append(faults, "--count is not between 1 and 100000")
	}
	if len(faults) > 0 {
		return o, fmt.Errorf("%s; %w", strings.Join(faults, "; "), errUsage)
	}
	if o.dsnFile != "" {
		var err error
		if o.dsn, err = audit.ReadDSN(o.dsnFile); err != nil {
			return o, err
		}
	}
	return o, nil
}

// hasSecret reads a URL as libpq and pgx do, which take passwords that net/url does not.
func hasSecret(dsn string) bool {
	if _, rest, is := strings.Cut(dsn, "://"); is {
		if user, _, there := strings.Cut(rest, "@"); there && !strings.Contains(user, "/") && strings.Contains(user, ":") {
			return true
		}
		dsn = percent.ReplaceAllStringFunc(dsn, func(code string) string {
			b, err := hex.DecodeString(code[1:])
			if err != nil {
				return code
			}
			return string(b)
		})
	}
	return secretInDSN.MatchString(dsn)
}

// follower opens the journal that the options name.
func (o options) follower() *source.Follower {
	if o.kind == "riskd" {
		return source.NewRisk(o.journal)
	}
	return source.NewOMS(o.journal)
}
