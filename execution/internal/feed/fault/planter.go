package fault

import (
	"math"

	"dnalyaw/execution/internal/feed"
)

// Planter is a feed.Tamper that follows a plan. It is not safe for concurrent use.
type Planter struct {
	plan    Plan
	n       uint64
	last    uint64       // the last spoilt one
	late    []feed.Quote // delayed, in order of arrival; RecvNs says when
	swapped []feed.Quote // waits for the next one
	done    []Planted
	muted   bool
}

// NewPlanter returns a planter at the first message.
func NewPlanter(p Plan) (*Planter, error) {
	if p.JumpBy == 0 {
		p.JumpBy = 0.25
	}
	if p.WidenBy == 0 {
		p.WidenBy = 0.25
	}
	return &Planter{plan: p}, p.validate()
}

// Map is what was done so far.
func (p *Planter) Map() []Planted { return p.done }

// Deliver says what arrives when q is sent. The time of the line is q's event time.
func (p *Planter) Deliver(q *feed.Quote, out []feed.Quote) []feed.Quote {
	p.n++
	for len(p.late) > 0 && p.late[0].RecvNs <= q.TsNs {
		out = append(out, p.late[0])
		p.late = p.late[1:]
	}
	kind := p.pick(q)
	if kind != 0 {
		p.last = p.n
	}
	given := *q
	switch kind {
	case 0:
		out = append(out, *q)
	case Drop:
	case Repeat:
		out = append(out, *q, *q)
	case Reorder:
		p.note(kind, q, q)
		p.swapped = append(p.swapped, *q)
		return out
	case Delay:
		given.RecvNs = q.TsNs + p.plan.DelayNs
		p.late = append(p.late, given)
	case Cut:
		out = append(out, *q, feed.Quote{Kind: feed.KindStatus, Status: feed.CutLine})
	case Mute:
		out = append(out, *q, feed.Quote{Kind: feed.KindStatus, Status: feed.MuteLine})
	default:
		p.spoil(kind, &given)
		out = append(out, given)
	}
	if kind != 0 {
		p.note(kind, q, &given)
	}
	out = append(out, p.swapped...)
	p.swapped = p.swapped[:0]
	return out
}

// Rest is what is still on the line when the source has ended.
func (p *Planter) Rest(out []feed.Quote) []feed.Quote {
	out = append(append(out, p.swapped...), p.late...)
	p.swapped, p.late = nil, nil
	return out
}

func (p *Planter) note(k Kind, original, given *feed.Quote) {
	p.done = append(p.done, Planted{p.n, k, *original, *given})
}

// pick says how this message is spoilt, 0 where it is not, or cannot be in the way drawn.
func (p *Planter) pick(q *feed.Quote) Kind {
	if q.Kind == feed.KindStatus || p.n < p.plan.From || p.plan.To > 0 && p.n > p.plan.To || p.last > 0 && p.n-p.last <= p.plan.Apart || len(p.swapped) > 0 {
		return 0
	}
	x := p.plan.draw(p.n, "kind")
	for k := firstKind; k < kinds; k++ {
		if x -= p.plan.Rate[k]; x >= 0 {
			continue
		}
		book := q.Kind == feed.KindQuote && q.TwoSided()
		switch {
		case (k == Cross || k == Widen || k == Lose) && !book, k == Cross && q.Bid == q.Ask, k == Negative && q.Kind == feed.KindQuote && !book:
			return 0
		}
		return k
	}
	return 0
}

func (p *Planter) spoil(k Kind, q *feed.Quote) {
	up := p.plan.draw(p.n, "way") < 0.5
	switch k {
	case Backdate:
		q.TsNs -= p.plan.DelayNs
	case Postdate:
		q.TsNs += p.plan.DelayNs
	case Cross:
		q.Bid, q.Ask = q.Ask, q.Bid
	case Widen:
		if up {
			q.Ask = times(q.Ask, p.plan.WidenBy)
		} else {
			q.Bid = times(q.Bid, -p.plan.WidenBy)
		}
	case Jump:
		by := p.plan.JumpBy
		if !up {
			by = -by
		}
		q.Bid, q.Ask, q.Last = times(q.Bid, by), times(q.Ask, by), times(q.Last, by)
	case Negative:
		q.Bid, q.Last = -q.Bid, -q.Last
	case Lose:
		if up {
			q.Ask, q.AskSize = 0, 0
		} else {
			q.Bid, q.BidSize = 0, 0
		}
	}
}

func times(price int64, log float64) int64 {
	return int64(math.Round(float64(price) * math.Exp(log)))
}

// Number numbers quotes as a live line does, lets the planter spoil them and sets the receipt: lineNs after the event
// for what is not late.
func Number(quotes []feed.Quote, p *Planter, lineNs int64) []feed.Quote {
	var out []feed.Quote
	for i := range quotes {
		q := quotes[i]
		q.Seq = uint64(i + 1)
		from := len(out)
		out = p.Deliver(&q, out)
		for j := from; j < len(out); j++ {
			if out[j].RecvNs == 0 {
				out[j].RecvNs = q.TsNs + lineNs
			}
		}
	}
	from := len(out)
	out = p.Rest(out)
	for j := from; j < len(out); j++ {
		if out[j].RecvNs == 0 {
			out[j].RecvNs = out[j].TsNs + lineNs
		}
	}
	return out
}
