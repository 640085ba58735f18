//go:build race

package main

// buildFlags make the venue under test look for races as its tests do.
var buildFlags = []string{"-race"}
