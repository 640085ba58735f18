package sim

import (
	"strconv"
	"strings"
	"testing"
)

// An id is a name and the number at its end, and both together are the id again; the set of them agrees with a map.
func FuzzSplitID(f *testing.F) {
	for _, ids := range []string{"US-17,US-18,US-017", "4096,4095,0,00", "US-999999999999999999,US-1000000000000000000", "A1,A,1,A01,", "a-1,b-1,a-4097,b-4097,a-1"} {
		f.Add(ids)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, plain := newIDSet(), map[string]bool{}
		ids := strings.Split(text, ",")
		if len(ids) > 200 {
			return
		}
		for _, id := range ids {
			name, number, ok := splitID(id)
			if ok && (number < 0 || name+strconv.FormatInt(number, 10) != id) {
				t.Fatalf("%q is %q and %d", id, name, number)
			}
			if set.has(id) != plain[id] {
				t.Fatalf("%q in %q: %v, a map says %v", id, text, set.has(id), plain[id])
			}
			set.add(id)
			plain[id] = true
		}
		for _, id := range ids {
			if !set.has(id) || set.has(id+"x") != plain[id+"x"] || set.has("0"+id) != plain["0"+id] || set.has(id+"0") != plain[id+"0"] {
				t.Fatalf("%q, or what looks like it, is not found as a map finds it", id)
			}
		}
	})
}
