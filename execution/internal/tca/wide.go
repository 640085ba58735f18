package tca

import (
	"errors"
	"math"
	"math/bits"
)

// ErrOverflow says that an amount does not fit 63 bits of millionths.
var ErrOverflow = errors.New("amount does not fit int64 millionths")

// wide is a signed number of 128 bits, in two's complement.
type wide struct {
	hi int64
	lo uint64
}

// times is a*b.
func times(a, b int64) wide {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	w := wide{int64(hi), lo} // below 2^126: the sign bit is free
	if (a < 0) != (b < 0) {
		return w.neg()
	}
	return w
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func (w wide) neg() wide {
	lo, borrow := bits.Sub64(0, w.lo, 0)
	hi, _ := bits.Sub64(0, uint64(w.hi), borrow)
	return wide{int64(hi), lo}
}

func (w wide) plus(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	hi, _ := bits.Add64(uint64(w.hi), uint64(v.hi), carry)
	return wide{int64(hi), lo}
}

func (w wide) minus(v wide) wide { return w.plus(v.neg()) }

// narrow is the number in 64 bits.
func (w wide) narrow() (int64, error) {
	if w.hi == 0 && w.lo <= math.MaxInt64 || w.hi == -1 && w.lo > math.MaxInt64 {
		return int64(w.lo), nil
	}
	return 0, ErrOverflow
}

// half is half the number, rounded to the nearest with halves away from zero, so that a sale and a purchase mirror each other.
func (w wide) half() (int64, error) {
	if w.hi < 0 {
		n, err := w.neg().half()
		return -n, err
	}
	w = w.plus(wide{0, 1})
	return wide{w.hi >> 1, uint64(w.hi)<<63 | w.lo>>1}.narrow()
}

// over is the number divided by n, rounded to the nearest, halves up. Both are positive.
func (w wide) over(n int64) (int64, error) {
	w = w.plus(wide{0, uint64(n) / 2})
	if w.hi < 0 || uint64(w.hi) >= uint64(n) {
		return 0, ErrOverflow
	}
	q, _ := bits.Div64(uint64(w.hi), w.lo, uint64(n))
	return wide{0, q}.narrow()
}
