package targets

import (
	"math/big"
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

// ApportionShares splits total by a map of whole parts, in the order of the keys.
func ApportionShares(parts map[string]int64, total int64) map[string]int64 {
	keys := sortedKeys(parts)
	weights := make([]*big.Int, len(keys))
	for i, k := range keys {
		weights[i] = big.NewInt(max(0, parts[k]))
	}
	out := make(map[string]int64, len(keys))
	for i, n := range Apportion(weights, total) {
		out[keys[i]] = n
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
