package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A run is JSON to its last byte with days that ascend, or it is refused with the file's name; a day is then read or refused, and
// asking makes nothing.
func FuzzRunFile(f *testing.F) {
	for _, text := range []string{
		`{"region":"US","register":"r.jsonl","days":[{"session":"2024-01-02","reference":"ref.json","market":"m/2024-01-02"}]}`,
		`{"region":"US","register":"r.jsonl","days":[{"session":"2024-01-03"},{"session":"2024-01-02"}]}`,
		`{"region":"US","register":"r.jsonl","rearm_after":-1,"days":[{}]}`, `{"region":"US"}}`, `{"days":null}]`, `null`,
		`{"region":"US","register":"r.jsonl","days":[{"session":"2024-01-02","quotes":["q.csv"],"targets":"t.json"}],"tighter":"x"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "..") || strings.Contains(string(data), "/dev/") || strings.Contains(string(data), "\\u") {
			return // no paths out of the folder
		}
		dir := t.TempDir()
		for name, content := range map[string][]byte{"run.json": data, "r.jsonl": nil} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		in, err := readInput(dir)
		if err == nil {
			if !json.Valid(data) {
				t.Fatalf("%q is no JSON and is taken", data)
			}
			if in.run.Region == "" || in.run.Register == "" || len(in.run.Days) == 0 || in.run.RearmAfter < 0 ||
				!slices.IsSortedFunc(in.run.Days, func(a, b dayFile) int { return strings.Compare(a.Session, b.Session) }) {
				t.Fatalf("%+v", in.run)
			}
			faults := in.check()
			for _, d := range in.run.Days[:min(3, len(in.run.Days))] {
				if _, err := in.day(d); err == nil && faults == nil && d.Session == "" {
					t.Fatalf("%+v has no session and is read", d)
				}
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Fatalf("%v, %v", left, err)
		}
	})
}

// Hand-offs are JSON to the last byte, and come back from JSON as they were read.
func FuzzHandoffs(f *testing.F) {
	for _, text := range []string{
		`[{"at_ns":1700000000000000000,"portfolios":[{"strategy_id":"a","as_of_ns":5,"session":20240102,"correlation":"00","targets":[{"instrument_id":7,"weight":0.25,"stop_distance":1}]}]}]`,
		`[]`, `[]]`, `null`, `[{"at_ns":1.5}]`, `[{"when":1}]`, `[{"portfolios":[null]}]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var hs, again handoffFile
		if strict(data, &hs) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON and is taken", data)
		}
		text, err := json.Marshal(hs)
		if err != nil {
			t.Fatal(err)
		}
		if err := strict(text, &again); err != nil || len(again) != len(hs) {
			t.Fatalf("%s: %v", text, err)
		}
		for i := range hs {
			for j, p := range hs[i].Portfolios {
				if p.ContentHash() != again[i].Portfolios[j].ContentHash() || again[i].AtNs != hs[i].AtNs {
					t.Fatalf("%+v came back as %+v", p, again[i].Portfolios[j])
				}
			}
		}
	})
}
