package tca

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/targets"
)

// TestApportionIsTheLedgers compares with the rule by which fills are attributed to strategies.
func TestApportionIsTheLedgers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(1, 5), rapid.Int64Range(1, maxQty)), 1, 9).Draw(t, "weights")
		total := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-1<<62, 1<<62)).Draw(t, "total")
		var w []*big.Int
		for _, n := range weights {
			w = append(w, big.NewInt(n))
		}
		want := targets.Apportion(w, max(total, -total))
		for i, got := range apportion(weights, total) {
			if total < 0 {
				want[i] = -want[i]
			}
			if got != want[i] {
				t.Fatalf("part %d of %d by %v is %d, the ledger gives %d", i, total, weights, got, want[i])
			}
		}
	})
}
