package sim_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/sim"
)

// anyRecord fills every field of a record by its type, so that a field added later is in it too.
func anyRecord(t *rapid.T) sim.Record {
	var r sim.Record
	v := reflect.ValueOf(&r).Elem()
	texts := rapid.SampledFrom([]string{"", "", "US-1", "a<b>&c", "quote\" back\\slash", "tab\tnewline\n", "\x00\x7f", "żółć \u2028", "\xff\xfe"})
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(texts.Draw(t, "text"))
		case reflect.Int64, reflect.Int:
			f.SetInt(rapid.SampledFrom([]int64{0, 0, 1, -1, 1 << 62, -1 << 63}).Draw(t, "int"))
		case reflect.Uint8:
			f.SetUint(uint64(rapid.IntRange(0, 3).Draw(t, "uint8")))
		case reflect.Bool:
			f.SetBool(rapid.Bool().Draw(t, "bool"))
		case reflect.Map:
			f.Set(reflect.ValueOf(rapid.MapOfN(rapid.SampledFrom([]string{"1", "22", "x<"}), rapid.Int64(), 0, 3).Draw(t, "marks")))
		default:
			t.Fatalf("field %s is of a kind that this test does not fill", v.Type().Field(i).Name)
		}
	}
	return r
}

// TestLinesAreThoseOfEncodingJSON: the log's writer is its own, its format is not.
func TestLinesAreThoseOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord(t)
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.AppendLine([]byte("before"))
		if err != nil || !bytes.Equal(got, append(append([]byte("before"), want...), '\n')) {
			t.Fatalf("%v\ngot  %s\nwant before%s", err, got, want)
		}
	})
}

func TestIDsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string {
				return rapid.SampledFrom([]string{"US-", "US-1-C", "", "x"}).Draw(t, "name") + rapid.StringMatching(`[0-9]{0,5}`).Draw(t, "number")
			}),
			rapid.SampledFrom([]string{"US-", "0", "00", "US-0", "US-00", "US-9223372036854775807", "US-999999999999999999", "US-1000000000000000000", "a"}),
		)
		set, want := sim.NewIDs(), map[string]bool{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			id := id.Draw(t, "id")
			if set.Has(id) != want[id] {
				t.Fatalf("%q in the set: %v, want %v", id, set.Has(id), want[id])
			}
			if rapid.Bool().Draw(t, "add") {
				set.Add(id)
				want[id] = true
			}
		}
		for id := range want {
			if !set.Has(id) {
				t.Fatalf("%q is lost", id)
			}
		}
	})
}
