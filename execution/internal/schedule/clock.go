package schedule

import "sort"

// tradingTime counts the nanoseconds of a window in which the market is open: breaks count nothing.
type tradingTime struct {
	start, end int64
	breaks     [][2]int64 // inside the window, ascending, disjoint
	total      int64
}

func newTradingTime(start, end int64, breaks [][2]int64) tradingTime {
	t := tradingTime{start: start, end: end, total: end - start}
	for _, b := range breaks {
		from, to := max(b[0], start), min(b[1], end)
		if from < to {
			t.breaks = append(t.breaks, [2]int64{from, to})
			t.total -= to - from
		}
	}
	return t
}

// elapsed is the trading time between the window's start and now.
func (t tradingTime) elapsed(now int64) int64 {
	now = min(max(now, t.start), t.end)
	e := now - t.start
	for _, b := range t.breaks {
		if now <= b[0] {
			break
		}
		e -= min(now, b[1]) - b[0]
	}
	return e
}

// at is the first moment of trading at which the given trading time has passed: the end of a break, where it ends in
// one, because nothing trades before.
func (t tradingTime) at(elapsed int64) int64 {
	if elapsed >= t.total {
		return t.end
	}
	at := t.start + max(elapsed, 0)
	for _, b := range t.breaks {
		if at < b[0] {
			break
		}
		at += b[1] - b[0]
	}
	return at
}

// inBreak is the end of the break that now lies in, or 0.
func (t tradingTime) inBreak(now int64) int64 {
	i := sort.Search(len(t.breaks), func(i int) bool { return t.breaks[i][1] > now })
	if i < len(t.breaks) && now >= t.breaks[i][0] {
		return t.breaks[i][1]
	}
	return 0
}
