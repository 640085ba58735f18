package targets

import (
	"math"
	"math/big"
	"math/bits"
)

// uint128 holds products of weights, capital and equity exactly.
type uint128 struct{ hi, lo uint64 }

func product(a, b uint64) uint128 {
	hi, lo := bits.Mul64(a, b)
	return uint128{hi, lo}
}

func (a uint128) zero() bool { return a.hi == 0 && a.lo == 0 }

func (a uint128) less(b uint128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// plus says besides whether the sum is beyond 128 bits.
func (a uint128) plus(b uint128) (uint128, bool) {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, carry := bits.Add64(a.hi, b.hi, carry)
	return uint128{hi, lo}, carry > 0
}

// times says besides whether the product is beyond 128 bits.
func (a uint128) times(n uint64) (uint128, bool) {
	high := product(a.hi, n)
	low := product(a.lo, n)
	hi, carry := bits.Add64(high.lo, low.hi, 0)
	return uint128{hi, low.lo}, high.hi > 0 || carry > 0
}

// over is the whole part of a/n; n is not 0.
func (a uint128) over(n uint64) uint128 {
	hi, rest := a.hi/n, a.hi%n
	lo, _ := bits.Div64(rest, a.lo, n)
	return uint128{hi, lo}
}

func (a uint128) int64() (int64, bool) {
	return int64(a.lo), a.hi == 0 && a.lo <= math.MaxInt64
}

func (a uint128) big() *big.Int {
	b := new(big.Int).SetUint64(a.hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(a.lo))
}

// maxWish is the most shares that a plan counts with.
const maxWish = math.MaxInt64 / 4

// share splits whole shares by the money of those who want them.
func (n *netter) share(cells []cell, whole int64, out []int64) {
	var at []int
	var money []*big.Int
	for i := range cells {
		if s := &n.t.facts[i]; s.wants && cells[i].weight > 0 {
			at, money = append(at, i), append(money, s.money(cells[i].weight).big())
		}
	}
	for k, q := range Apportion(money, whole) {
		out[at[k]] += q
	}
}
