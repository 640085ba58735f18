package ship

import (
	"context"
	"hash/fnv"
	"strconv"
	"time"

	"dnalyaw/execution/internal/audit"
)

// Status is where a shipper stands.
type Status struct {
	Writer    string     `json:"writer"`
	Acked     uint64     `json:"acked"` // the last row that is known to be on the server's disk
	AckedHash audit.Hash `json:"acked_hash"`
	Source    uint64     `json:"source"` // the journal's last record
	Lag       uint64     `json:"lag"`    // records that are not in the table
	Connected bool       `json:"connected"`
	Ended     bool       `json:"ended"` // for good: LastError says why
	LastError string     `json:"last_error,omitempty"`

	Rows      uint64 `json:"rows"` // inserted by this process
	Batches   uint64 `json:"batches"`
	Connects  uint64 `json:"connects"`
	Failures  uint64 `json:"failures"`
	Conflicts uint64 `json:"conflicts"`
	Anchors   uint64 `json:"anchors"`
	BatchNs   Times  `json:"batch_ns"`
}

// Times of something done often.
type Times struct {
	Last int64 `json:"last"`
	Max  int64 `json:"max"`
	Sum  int64 `json:"sum"`
}

func (t *Times) add(d time.Duration) {
	t.Last = int64(d)
	t.Max = max(t.Max, t.Last)
	t.Sum += t.Last
}

// Status is safe from any goroutine.
func (s *Shipper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	if st.Source > st.Acked {
		st.Lag = st.Source - st.Acked
	}
	return st
}

func (s *Shipper) note(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// watchTip keeps the journal's end up to date, however long a request hangs.
func (s *Shipper) watchTip(ctx context.Context) {
	const every = 100 * time.Millisecond
	for {
		tip, err := s.cfg.Source.Tip()
		s.note(func(st *Status) {
			st.Source = max(st.Source, tip)
			if err != nil {
				st.LastError = err.Error()
			}
		})
		if !sleep(ctx, every) {
			return
		}
	}
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff doubles with every try in a row up to most, less up to a half that a hash of writer and try decides: shippers that
// lost the same server do not come back at one moment.
func backoff(writer string, try uint64, least, most time.Duration) time.Duration {
	d := least
	for i := uint64(1); i < try && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	h := fnv.New64a()
	h.Write([]byte(writer))
	h.Write(strconv.AppendUint(nil, try, 10))
	return d - time.Duration(h.Sum64()%uint64(d/2+1))
}
