package targets

import (
	"math/big"
	"math/bits"
	"slices"
	"sort"
)

// Apportion splits total into whole parts proportional to the weights (Hamilton's method: floors first, then one each
// to the largest remainders). The parts sum to total exactly. Ties go to the earlier index. Weights are not negative;
// when all are zero, every part is zero.
func Apportion(weights []*big.Int, total int64) []int64 {
	out := make([]int64, len(weights))
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	if sum.Sign() == 0 || total == 0 {
		return out
	}
	type rest struct {
		i int
		r *big.Int
	}
	rests := make([]rest, len(weights))
	left := total
	t := big.NewInt(total)
	for i, w := range weights {
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(w, t), sum, new(big.Int))
		out[i] = q.Int64()
		left -= out[i]
		rests[i] = rest{i, r}
	}
	sort.SliceStable(rests, func(a, b int) bool { return rests[a].r.Cmp(rests[b].r) > 0 })
	for k := int64(0); k < left; k++ {
		out[rests[k].i]++
	}
	return out
}

// apportion is Apportion for weights and a total that are shares, into out. Weights and total are not negative, and the
// weights' sum fits 63 bits, as sums of shares do.
func apportion(weights []int64, total int64, out []int64) {
	var sum uint64
	only, several := -1, false
	for i, w := range weights {
		out[i] = 0
		if w > 0 {
			sum += uint64(w)
			several = several || only >= 0
			only = i
		}
	}
	switch {
	case sum == 0 || total <= 0:
		return
	case !several:
		out[only] = total
		return
	}
	type rest struct {
		i int
		r uint64
	}
	var room [16]rest
	rests, left := room[:0], total
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(w), uint64(total)) // hi < sum, as total fits 63 bits
		q, r := bits.Div64(hi, lo, sum)
		out[i] = int64(q)
		left -= out[i]
		rests = append(rests, rest{i, r})
	}
	slices.SortStableFunc(rests, func(a, b rest) int {
		switch {
		case a.r > b.r:
			return -1
		case a.r < b.r:
			return 1
		}
		return 0
	})
	for k := range left {
		out[rests[k].i]++
	}
}

// ApportionShares splits total by a map of whole parts, in the order of the keys. What the parts are of is not negative.
func ApportionShares(parts map[string]int64, total int64) map[string]int64 {
	out := make(map[string]int64, len(parts))
	if len(parts) == 1 {
		for s, q := range parts {
			out[s] = 0
			if q > 0 {
				out[s] = total
			}
		}
		return out
	}
	keys := sortedKeys(parts)
	weights, split := make([]int64, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		weights[i] = max(0, parts[k])
	}
	apportion(weights, total, split)
	for i, n := range split {
		out[keys[i]] = n
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
