package schedule

// Child is what the plan must know of one child order that was sent.
type Child struct {
	SentNs  int64 // when it was sent
	Filled  int64 // shares
	Open    int64 // shares that may still fill, also where nobody knows the order's fate
	LimitPx int64 // millionths; 0 = market order
	Style   Style // as the decision had it
}

// Progress is what became of the children so far.
type Progress struct {
	Done    int64 `json:"done"`    // shares filled
	Working int64 `json:"working"` // shares that may still fill
	// Resting is the part of Working that was sent PASSIVE or MID, or MARKETABLE in an earlier slice (the market ran away
	// from it), RestingPx the least aggressive limit among it and RestingSinceNs when the oldest of it was sent.
	Resting        int64 `json:"resting,omitempty"`
	RestingPx      int64 `json:"resting_px,omitempty"`
	RestingSinceNs int64 `json:"resting_since_ns,omitempty"`
	SentInSlice    int64 `json:"sent_in_slice,omitempty"` // shares filled or open of the children sent in the present slice
	LastSentNs     int64 `json:"last_sent_ns,omitempty"`  // 0 = nothing was sent yet
	Refusals       int   `json:"refusals,omitempty"`      // children refused in a row, by riskd or the venue, with nothing filled
}

// Progress adds up children. refusals is how many of the latest were refused in a row. Their order does not matter.
func (p *Plan) Progress(nowNs int64, children []Child, refusals int) Progress {
	out := Progress{Refusals: refusals}
	slice := p.Slice(nowNs)
	for _, c := range children {
		out.Done += c.Filled
		out.Working += c.Open
		out.LastSentNs = max(out.LastSentNs, c.SentNs)
		now := p.Slice(c.SentNs) == slice
		if now {
			out.SentInSlice += c.Filled + c.Open
		}
		if c.Open == 0 || c.Style == MarketOrder || c.Style == Marketable && now {
			continue
		}
		if out.Resting == 0 || p.lessAggressive(c.LimitPx, out.RestingPx) {
			out.RestingPx = c.LimitPx
		}
		if out.Resting == 0 || c.SentNs < out.RestingSinceNs {
			out.RestingSinceNs = c.SentNs
		}
		out.Resting += c.Open
	}
	return out
}

// Market is the instrument as it stands. A side whose price is 0 is absent.
type Market struct {
	Bid     int64 `json:"bid"` // millionths
	Ask     int64 `json:"ask"`
	BidSize int64 `json:"bid_size"` // shares displayed
	AskSize int64 `json:"ask_size"`
	Last    int64 `json:"last"` // last print, millionths; 0 = none
	// SizeUnknown says that the feed has no sizes (an auction's print that stands): the limit by displayed size is then not asked for.
	SizeUnknown bool `json:"size_unknown,omitempty"`
	Halted      bool `json:"halted,omitempty"` // halted, suspended or refused by the gates
	// Volume is what traded in the market since the parent's start and SliceVolume since the present slice began, both
	// with our own fills; POV alone reads them.
	Volume      int64 `json:"volume,omitempty"`
	SliceVolume int64 `json:"slice_volume,omitempty"`
}

func (m Market) twoSided() bool { return m.Bid > 0 && m.Ask >= m.Bid }

// Decision is what to do now.
type Decision struct {
	Qty     int64 `json:"qty"`             // shares of the child to send; 0 = none
	Style   Style `json:"style,omitempty"` // of the child
	LimitPx int64 `json:"limit_px"`        // millionths; 0 = market order
	// Cancel says that resting children are to be pulled, and goes on saying it until they are gone: nothing is sent in
	// their place before. With an ended schedule (NextWakeNs 0 and Reason COMPLETE, WINDOW_OVER, REFUSED, UNFILLABLE or
	// INCONSISTENT) it means everything that works.
	Cancel bool `json:"cancel,omitempty"`
	// NextWakeNs is when to ask again if nothing happens before; 0 = only an event (a fill, a quote, the end of a halt)
	// can change the answer. Ask after every event.
	NextWakeNs int64  `json:"next_wake_ns,omitempty"`
	Finished   bool   `json:"finished,omitempty"` // nothing will be sent any more and nothing works
	Reason     Reason `json:"reason"`
	Slice      int    `json:"slice"`
}
