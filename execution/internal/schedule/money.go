package schedule

import (
	"math"
	"math/bits"
)

// ppm is how many parts a fraction of one has.
const ppm = 1_000_000

// mulDiv is a*b/c, computed in 128 bits and rounded down, for non-negative a and b and positive c. What does not fit
// is MaxInt64: every caller takes the least of several limits.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return div128(hi, lo, uint64(c))
}

// mulDivNear is mulDiv rounded to the nearest, halves up.
func mulDivNear(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	return div128(hi+carry, lo, uint64(c))
}

// mulDivUp is mulDiv rounded up.
func mulDivUp(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)-1, 0)
	return div128(hi+carry, lo, uint64(c))
}

func div128(hi, lo, c uint64) int64 {
	if hi >= c {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, c)
	return int64(min(q, math.MaxInt64))
}

func floorTo(qty, lot int64) int64 { return qty / lot * lot }

// ceilTo rounds up; a quantity that has no multiple of the lot above it is MaxInt64.
func ceilTo(qty, lot int64) int64 {
	down := floorTo(qty, lot)
	switch {
	case down == qty:
		return qty
	case down > math.MaxInt64-lot:
		return math.MaxInt64
	}
	return down + lot
}
