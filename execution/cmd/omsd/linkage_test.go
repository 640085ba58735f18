package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// linked is what `go list` says of a package that a program is built from.
type linked struct {
	ImportPath                              string
	Standard                                bool
	CgoFiles, SwigFiles, SwigCXXFiles       []string
	CFiles, CXXFiles, SysoFiles, CgoLDFLAGS []string
}

func linkedInto(t *testing.T, pkg string) []linked {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json", pkg)
	// With cgo off, as omsd is built, a file that imports C would not even be listed.
	list.Env = append(os.Environ(), "CGO_ENABLED=1")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	var all []linked
	for stream := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one linked
		err := stream.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// foreign says whether a package brings in code that no Go compiler made: that is how the engine would get in.
func foreign(one linked) bool {
	return len(one.CgoFiles)+len(one.SwigFiles)+len(one.SwigCXXFiles)+len(one.CFiles)+len(one.CXXFiles)+
		len(one.SysoFiles)+len(one.CgoLDFLAGS) > 0
}

// The in-process engine is for backtests: omsd asks riskd, over its socket, and cannot decide by itself.
func TestOmsdLinksNoEngine(t *testing.T) {
	for _, one := range linkedInto(t, ".") {
		switch {
		case one.ImportPath == "plugin":
			t.Error("omsd links plugin, which loads code at run time")
		case one.Standard:
		case foreign(one):
			t.Errorf("omsd links %s, which is not Go alone", one.ImportPath)
		case strings.Contains(one.ImportPath, "risk") && one.ImportPath != "dnalyaw/execution/internal/risklink":
			t.Errorf("omsd links %s; of risk it may know the line to riskd alone", one.ImportPath)
		}
	}
}

// A package of which it is known that it has C in it is seen as such.
func TestWhatIsNotGoAloneIsSeen(t *testing.T) {
	for _, one := range linkedInto(t, "runtime/cgo") {
		if one.ImportPath == "runtime/cgo" && foreign(one) {
			return
		}
	}
	t.Error("runtime/cgo is taken for Go alone")
}
