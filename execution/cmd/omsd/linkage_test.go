package main

import (
	"cmp"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// engineTag builds what links the engine in process. omsd must not, whatever it is built with.
const engineTag = "oms_backtest"

const enginePackage = "dnalyaw/execution/internal/riskengine"

// linked is what `go list` says of a package that a program is built from.
type linked struct {
	ImportPath                              string
	Standard                                bool
	CgoFiles, SwigFiles, SwigCXXFiles       []string
	CFiles, CXXFiles, SysoFiles, CgoLDFLAGS []string
}

// linkedInto lists what a program is built from; tags of the build, comma separated, may be none.
func linkedInto(t *testing.T, pkg, tags string) []linked {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json", "-tags="+tags, pkg)
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

// why says what is wrong with omsd linking a package; empty: nothing.
func why(one linked) string {
	switch {
	case one.ImportPath == "plugin":
		return "plugin, which loads code at run time"
	case one.Standard:
		return ""
	case foreign(one):
		return one.ImportPath + ", which is not Go alone"
	case strings.Contains(one.ImportPath, "risk") && one.ImportPath != "dnalyaw/execution/internal/risklink":
		return one.ImportPath + "; of risk it may know the line to riskd alone"
	}
	return ""
}

// The in-process engine is for backtests: omsd asks riskd, over its socket, and cannot decide by itself. Not with the
// backtest's build tag either.
func TestOmsdLinksNoEngine(t *testing.T) {
	for _, tags := range []string{"", engineTag} {
		for _, one := range linkedInto(t, ".", tags) {
			if wrong := why(one); wrong != "" {
				t.Errorf("with tags %q omsd links %s", tags, wrong)
			}
		}
	}
}

// A package of which it is known that it has C in it is seen as such, and so is the engine's: by its name without the tag,
// when it is types alone, and by what it brings in with it.
func TestWhatIsNotGoAloneIsSeen(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct{ pkg, tags string }{{"runtime/cgo", ""}, {enginePackage, ""}, {enginePackage, engineTag}} {
		for _, one := range linkedInto(t, c.pkg, c.tags) {
			if one.ImportPath == c.pkg {
				seen[fmt.Sprintf("%s %s foreign", c.pkg, c.tags)] = foreign(one)
				seen[fmt.Sprintf("%s %s refused", c.pkg, c.tags)] = why(one) != ""
			}
		}
	}
	for what, want := range map[string]bool{
		"runtime/cgo  foreign":                       true,
		enginePackage + "  foreign":                  false,
		enginePackage + "  refused":                  true,
		enginePackage + " " + engineTag + " foreign": true,
		enginePackage + " " + engineTag + " refused": true,
	} {
		if seen[what] != want {
			t.Errorf("%s: %v", what, seen[what])
		}
	}
}

// engineSymbols are the symbols of a program that are the engine's, by its C ABI or by its Rust crates.
func engineSymbols(t *testing.T, program string) (found []string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatalf("%s: %v; build it with its symbols", program, err)
	}
	dynamic, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		t.Fatal(err)
	}
	for _, s := range append(symbols, dynamic...) {
		for _, mark := range []string{"dnalyaw_risk_", "dnalyaw_engine", "dnalyaw_desk"} {
			if strings.Contains(s.Name, mark) {
				found = append(found, s.Name)
				break
			}
		}
	}
	return found
}

// What the linker made of it: in omsd, built with cgo and the backtest's tag as nobody builds it, no symbol is the engine's.
func TestOmsdHasNoSymbolOfTheEngine(t *testing.T) {
	program := filepath.Join(t.TempDir(), "omsd")
	build := exec.Command("go", "build", "-tags="+engineTag, "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if _, err := exec.LookPath(cmp.Or(os.Getenv("CC"), "gcc")); err != nil {
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // no cgo to be had; what a .syso brings in is still seen
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if found := engineSymbols(t, program); len(found) > 0 {
		t.Errorf("omsd has %d symbols of the engine, %s among them", len(found), found[0])
	}
}

// And in a program that links the engine they are found.
func TestSymbolsOfTheEngineAreFoundWhereItIs(t *testing.T) {
	if _, err := os.Stat("../../../build/lib/libdnalyaw_risk.a"); err != nil {
		t.Skipf("%v: build it: tools/risk-cabi.sh", err)
	}
	program := filepath.Join(t.TempDir(), "riskengine.test")
	build := exec.Command("go", "test", "-c", "-tags="+engineTag, "-o", program, enginePackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := engineSymbols(t, program)
	for _, want := range []string{"dnalyaw_risk_decide", "dnalyaw_engine"} {
		if !strings.Contains(strings.Join(found, " "), want) {
			t.Errorf("none of %d symbols is %s: what is not in omsd would not be found there either", len(found), want)
		}
	}
}
