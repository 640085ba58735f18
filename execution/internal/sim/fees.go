package sim

import "fmt"

// Fees is what one fill costs: PerShareMicro millionths a share, plus BpMilli thousandths of a basis point of the
// notional, plus SellBpMilli more on sells, each part rounded up to a millionth, and at least MinMicro a fill.
type Fees struct {
	PerShareMicro int64 `json:"per_share_micro"`
	BpMilli       int64 `json:"bp_milli"`
	SellBpMilli   int64 `json:"sell_bp_milli"`
	MinMicro      int64 `json:"min_micro"`
}

// bpMilliScale is how many thousandths of a basis point make one.
const bpMilliScale = 10_000_000

func (f Fees) validate() error {
	for _, p := range []struct {
		name string
		v    int64
	}{
		{"per_share_micro", f.PerShareMicro}, {"bp_milli", f.BpMilli},
		{"sell_bp_milli", f.SellBpMilli}, {"min_micro", f.MinMicro},
	} {
		if p.v < 0 {
			return fmt.Errorf("fees.%s is %d: give 0 or more", p.name, p.v)
		}
	}
	return nil
}

// Of returns the fee of one fill. A sell's fee never exceeds its proceeds, so that a sale cannot cost cash.
func (f Fees) Of(side Side, qty, px int64) (int64, error) {
	notional, err := mul(qty, px)
	if err != nil {
		return 0, err
	}
	fee, err := mul(f.PerShareMicro, qty)
	if err != nil {
		return 0, err
	}
	bp := f.BpMilli
	if side == Sell {
		bp += f.SellBpMilli
	}
	part, err := mulDiv(notional, bp, bpMilliScale, true)
	if err != nil {
		return 0, err
	}
	if fee, err = add(fee, part); err != nil {
		return 0, err
	}
	fee = max(fee, f.MinMicro)
	if side == Sell {
		fee = min(fee, notional)
	}
	return fee, nil
}
