package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"dnalyaw/execution/internal/sim"
)

// fitCommand fits the model's latency to measurements.
const fitCommand = "fit-latency"

// fitLatency reads microseconds, one a line, from a file and writes the log-normal that fits them best, as the session file's
// model.latency takes it, with how well it fits.
func fitLatency(args []string, stdout, stderr io.Writer) int {
	fit, err := fitFile(args)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(fit)
	}
	if err != nil {
		fmt.Fprintln(stderr, "simvenue: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitRefused
	}
	return exitOK
}

func fitFile(args []string) (sim.LatencyFit, error) {
	if len(args) != 1 {
		return sim.LatencyFit{}, fmt.Errorf("%s takes one file; %s", fitCommand, usage)
	}
	f, err := os.Open(args[0])
	if err != nil {
		return sim.LatencyFit{}, err
	}
	defer f.Close()
	us, err := sim.ReadLatencies(args[0], f)
	if err != nil {
		return sim.LatencyFit{}, err
	}
	fit, err := sim.FitLatency(us)
	if err != nil {
		return fit, fmt.Errorf("%s: %w", args[0], err)
	}
	return fit, nil
}
