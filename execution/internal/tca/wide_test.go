package tca

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func bigOf(w wide) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(w.hi), 64)
	return n.Add(n, new(big.Int).SetUint64(w.lo))
}

// TestWide compares with math/big.
func TestWide(t *testing.T) {
	any := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := any.Draw(t, "a"), any.Draw(t, "b"), any.Draw(t, "c")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		w := times(a, b)
		if bigOf(w).Cmp(product) != 0 {
			t.Fatalf("%d times %d is %s", a, b, bigOf(w))
		}
		sum := new(big.Int).Add(product, big.NewInt(c))
		if got := bigOf(w.plus(times(c, 1))); got.Cmp(sum) != 0 {
			t.Fatalf("%s plus %d is %s", product, c, got)
		}
		if got := bigOf(times(c, 1).minus(w)); got.Cmp(new(big.Int).Neg(new(big.Int).Sub(product, big.NewInt(c)))) != 0 {
			t.Fatalf("%d minus %s is %s", c, product, got)
		}
		n, err := w.narrow()
		if product.IsInt64() != (err == nil) || err == nil && n != product.Int64() {
			t.Fatalf("%s in 64 bits is %d (%v)", product, n, err)
		}
		// Half: the magnitude plus one, halved, with the sign.
		half := new(big.Int).Abs(product)
		half.Rsh(half.Add(half, big.NewInt(1)), 1)
		if product.Sign() < 0 {
			half.Neg(half)
		}
		n, err = w.half()
		if err == nil && half.Cmp(big.NewInt(n)) != 0 || err != nil && half.IsInt64() && half.Cmp(big.NewInt(math.MinInt64)) != 0 {
			t.Fatalf("half of %s is %d (%v)", product, n, err)
		}
		if product.Sign() >= 0 && c > 0 {
			q := new(big.Int).Add(product, big.NewInt(c/2))
			q.Quo(q, big.NewInt(c))
			n, err = w.over(c)
			if q.IsInt64() != (err == nil) || err == nil && n != q.Int64() {
				t.Fatalf("%s over %d is %d (%v)", product, c, n, err)
			}
		}
	})
	if _, err := times(math.MaxInt64, 3).half(); !errors.Is(err, ErrOverflow) {
		t.Errorf("one and a half times the largest number gives %v", err)
	}
}
