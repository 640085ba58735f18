package metrics_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dnalyaw/execution/internal/metrics"
)

// The table in docs/observability.md is what is registered, row by row.
func TestTheDocumentsTableIsTheCatalog(t *testing.T) {
	text, err := os.ReadFile("../../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(omsd_[a-z_]+)` \\| ([a-z]+) \\| ([a-z, `]*) \\| (.+) \\|$")
	var got, want []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		labels := strings.ReplaceAll(strings.ReplaceAll(m[3], "`", ""), " ", "")
		got = append(got, strings.Join([]string{m[1], m[2], labels, m[4]}, " | "))
	}
	for _, d := range metrics.Catalog() {
		want = append(want, strings.Join([]string{d.Name, string(d.Kind), d.Labels, d.Help}, " | "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%s\nregistered is\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
