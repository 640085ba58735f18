package backtest

import (
	"container/heap"
	"math"
)

// timers are the core's waits, on the virtual clock. Those of one moment run in the order in which they were asked for.
type timers struct {
	heap timerHeap
	seq  uint64
}

type timer struct {
	atNs int64
	seq  uint64
	do   func()
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].atNs < h[j].atNs || h[i].atNs == h[j].atNs && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func (t *timers) add(atNs int64, do func()) {
	t.seq++
	heap.Push(&t.heap, timer{atNs, t.seq, do})
}

// next is the first moment; never when there is none.
func (t *timers) next() int64 {
	if len(t.heap) == 0 {
		return math.MaxInt64
	}
	return t.heap[0].atNs
}

// run does what is due.
func (t *timers) run(nowNs int64) {
	for len(t.heap) > 0 && t.heap[0].atNs <= nowNs {
		heap.Pop(&t.heap).(timer).do()
	}
}
