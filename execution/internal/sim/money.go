package sim

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrOverflow says that an amount does not fit 63 bits of millionths.
var ErrOverflow = errors.New("amount does not fit int64 millionths")

// mulDiv is a*b/c for non-negative a and b and positive c, computed in 128 bits; up rounds away from zero.
func mulDiv(a, b, c int64, up bool) (int64, error) {
	if a < 0 || b < 0 || c <= 0 {
		return 0, fmt.Errorf("mulDiv(%d, %d, %d): %w", a, b, c, ErrOverflow)
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	if up && r > 0 {
		q++
	}
	if q > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return int64(q), nil
}

// mulDivRound is mulDiv rounded up, or to the nearest with a half up.
func mulDivRound(a, b, c int64, up bool) (int64, error) {
	if up {
		return mulDiv(a, b, c, true)
	}
	if a < 0 || b < 0 || c <= 0 {
		return 0, fmt.Errorf("mulDivRound(%d, %d, %d): %w", a, b, c, ErrOverflow)
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	if r >= uint64(c)-r {
		q++
	}
	if q > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return int64(q), nil
}

// mul is a*b for non-negative a and b.
func mul(a, b int64) (int64, error) { return mulDiv(a, b, 1, false) }

// add is a+b.
func add(a, b int64) (int64, error) {
	s := a + b
	if (s > a) != (b > 0) && b != 0 {
		return 0, ErrOverflow
	}
	return s, nil
}
