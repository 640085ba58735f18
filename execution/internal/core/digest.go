package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/bits"

	"dnalyaw/execution/internal/order"
)

// digests lets the hash of a state with many orders cost what has changed: every order that has ended counts by the
// SHA-256 of its JSON, and those sums (modulo 2^256) go into the hash in place of the orders. An order that changes after its
// end is taken out and counted anew. Nothing is computed before somebody asks.
type digests struct {
	sum     [4]uint64
	of      map[uint64][4]uint64
	pending map[uint64]bool
}

func newDigests() digests {
	return digests{of: map[uint64][4]uint64{}, pending: map[uint64]bool{}}
}

// changed takes an order out, before it changes or is dropped.
func (d *digests) changed(o *order.Order) {
	if len(d.pending)+len(d.of) == 0 {
		return
	}
	delete(d.pending, o.ID)
	if was, ok := d.of[o.ID]; ok {
		delete(d.of, o.ID)
		var borrow uint64
		for i := range d.sum {
			d.sum[i], borrow = bits.Sub64(d.sum[i], was[i], borrow)
		}
	}
}

// ended notes an order that has ended, to be counted when the hash is asked for.
func (d *digests) ended(o *order.Order) {
	if !o.Open() {
		d.pending[o.ID] = true
	}
}

func (d *digests) count(orders map[uint64]*order.Order) error {
	for id := range d.pending {
		b, err := json.Marshal(orders[id])
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		var n [4]uint64
		var carry uint64
		for i := range n {
			n[i] = binary.LittleEndian.Uint64(sum[8*i:])
			d.sum[i], carry = bits.Add64(d.sum[i], n[i], carry)
		}
		d.of[id] = n
	}
	clear(d.pending)
	return nil
}

// Hash is the SHA-256 of the state; a replay of the journal has the same. Orders that have ended are in it by their sum,
// see digests.
func (s *State) Hash() (string, error) {
	if err := s.digests.count(s.Orders); err != nil {
		return "", err
	}
	rest := *s
	rest.Orders = make(map[uint64]*order.Order, len(s.index.open))
	for id := range s.index.open {
		rest.Orders[id] = s.Orders[id]
	}
	b, err := json.Marshal(struct {
		*State
		Ended [4]uint64 `json:"ended"`
		Count int       `json:"ended_count"`
	}{&rest, s.digests.sum, len(s.digests.of)})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
