package router

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

const ppm = 1_000_000

// part is a of b in parts per million, rounded down; what does not fit is MaxInt64. b is positive.
func part(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), ppm)
	if hi >= uint64(b) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(b))
	return int64(min(q, math.MaxInt64))
}

// Design is how slots are drawn. It stays the same for the life of an experiment.
type Design struct {
	Seed  uint64 `json:"seed"`  // the key; nobody who makes orders needs to know it
	Block int    `json:"block"` // slots of a block, even: half of them take each path
}

// maxBlock bounds the work of drawing a block.
const maxBlock = 64

// Validate says what is wrong with the design.
func (d Design) Validate() error {
	if d.Block < 2 || d.Block > maxBlock || d.Block%2 != 0 {
		return fmt.Errorf("router: block is %d: give an even number from 2 to %d", d.Block, maxBlock)
	}
	if d.Seed == 0 {
		return errors.New("router: seed is 0: give the experiment a seed of its own")
	}
	return nil
}

// Slots are the paths of a block's slots: as many of 1 as of 2, every arrangement equally likely over seeds and blocks.
func (d Design) Slots(stratum string, block uint32) []uint8 {
	out := make([]uint8, d.Block)
	deal(out, newStream(d.Seed, "block", stratum, block))
	return out
}

// explores says whether the n-th order of a stratum takes part in the experiment, with probability rate.
func (d Design) explores(stratum string, n uint32, ratePPM int64) bool {
	return ratePPM >= ppm || int64(below(newStream(d.Seed, "explore", stratum, n), ppm)) < ratePPM
}

// source is a stream of numbers of 64 bits, each equally likely.
type source interface{ Uint64() uint64 }

// deal writes the paths of a block's slots, by Fisher and Yates' permutation.
func deal(slots []uint8, s source) {
	for i := range slots {
		slots[i] = uint8(1 + i%2)
	}
	for i := len(slots) - 1; i > 0; i-- {
		j := below(s, uint64(i)+1)
		slots[i], slots[j] = slots[j], slots[i]
	}
}

// below is a number from 0 to n-1, each equally likely: what would favour some is drawn again.
func below(s source, n uint64) uint64 {
	limit := math.MaxUint64 - math.MaxUint64%n
	for {
		if v := s.Uint64(); v < limit {
			return v % n
		}
	}
}

// stream is numbers from SHA-256 in counter mode, keyed by the seed.
type stream struct {
	head    []byte // what is hashed, the counter in its last eight bytes
	counter uint64
	buf     [4]uint64
	left    int
}

func newStream(seed uint64, use, stratum string, n uint32) *stream {
	b := make([]byte, 0, 96)
	b = binary.LittleEndian.AppendUint64(b, seed)
	b = append(b, use...)
	b = append(b, 0)
	b = append(b, stratum...)
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint32(b, n)
	return &stream{head: binary.LittleEndian.AppendUint64(b, 0)}
}

// Uint64 is the next number.
func (s *stream) Uint64() uint64 {
	if s.left == 0 {
		binary.LittleEndian.PutUint64(s.head[len(s.head)-8:], s.counter)
		sum := sha256.Sum256(s.head)
		s.counter++
		for i := range s.buf {
			s.buf[i] = binary.LittleEndian.Uint64(sum[8*i:])
		}
		s.left = len(s.buf)
	}
	s.left--
	return s.buf[s.left]
}
