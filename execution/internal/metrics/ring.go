package metrics

// ringSize is how many blocks on their way to the disk are timed at once; of those beyond it the lag is not recorded.
const ringSize = 4096

type waiting struct {
	block uint64
	at    int64
}

// ring is a bounded queue of the blocks that the disk does not have yet, oldest first.
type ring struct {
	at    [ringSize]waiting
	first int
	count int
}

func (r *ring) push(block uint64, at int64) {
	if r.count == ringSize {
		return
	}
	r.at[(r.first+r.count)%ringSize] = waiting{block, at}
	r.count++
}

// due says whether the oldest block is among the first so many.
func (r *ring) due(blocks uint64) bool { return r.count > 0 && r.at[r.first].block <= blocks }

func (r *ring) pop() int64 {
	at := r.at[r.first].at
	r.first = (r.first + 1) % ringSize
	r.count--
	return at
}
