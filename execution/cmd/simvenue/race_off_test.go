//go:build !race

package main

// buildFlags are empty: see race_on_test.go.
var buildFlags []string
