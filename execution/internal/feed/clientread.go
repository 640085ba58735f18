package feed

import (
	"encoding/binary"
	"fmt"
)

// take handles a frame; it is true when q is to be handed out.
func (c *Client) take(f frame, q *Quote) (bool, error) {
	c.clock = max(c.clock, f.clock)
	switch f.kind {
	case frameQuote:
		return c.quote(f, q)
	case frameBeat:
		*q = Quote{TsNs: c.clock, RecvNs: c.clock, Seq: f.seq, Kind: KindStatus, Status: StatusBeat}
		if f.seq > c.last && !c.asked {
			// The last messages before a pause are missing: no later number would tell.
			c.pending[0], c.waiting = *q, 1
			return true, c.gap(f.seq+1, q)
		}
		return true, nil
	case frameSnapEnd:
		c.last, c.asked = f.seq, false
		*q = Quote{TsNs: c.clock, RecvNs: c.clock, Seq: f.seq, Kind: KindStatus, Status: StatusSync}
		return true, nil
	case frameEnd:
		switch {
		case c.asked:
			return false, nil // after the snapshot it is told again
		case f.seq > c.last:
			return true, c.gap(f.seq+1, q)
		}
		c.ended = true
		*q = Quote{TsNs: c.clock, RecvNs: c.clock, Seq: f.seq, Kind: KindStatus, Status: StatusEnd}
		return true, nil
	case frameName, frameSource:
		return false, c.define(f)
	case frameSnapBegin:
		return false, nil
	case frameRefused:
		c.err = fmt.Errorf("feed server %s refused: %.300q", c.opt.Address, f.body)
		return false, c.err
	}
	return false, fmt.Errorf("frame of kind %d: both ends must be of one release", f.kind)
}

func (c *Client) define(f frame) error {
	if f.kind == frameName && len(f.body) > 8 {
		id := int64(binary.LittleEndian.Uint64(f.body))
		if _, known := c.names[id]; !known && len(c.names) >= subscribeMost {
			return fmt.Errorf("more than %d instruments are named", subscribeMost)
		}
		c.names[id] = c.texts.get(f.body[8:])
		return nil
	}
	if f.kind == frameSource && len(f.body) >= 2 && int(binary.LittleEndian.Uint16(f.body)) == len(c.sources) {
		c.sources = append(c.sources, c.texts.get(f.body[2:]))
		return nil
	}
	return fmt.Errorf("a name of kind %d with %d bytes that does not fit", f.kind, len(f.body))
}

func (c *Client) quote(f frame, q *Quote) (bool, error) {
	source, err := parseQuote(f, q)
	if err != nil {
		return false, err
	}
	if int(source) >= len(c.sources) {
		return false, fmt.Errorf("source %d was never named", source)
	}
	q.Source = c.sources[source]
	if q.Has(FlagSnapshot) {
		return true, nil
	}
	switch next := c.last + 1; {
	case q.Seq == next:
		c.last = next
	case q.Seq > next:
		ahead := *q
		if !c.asked {
			c.pending[0], c.waiting = ahead, 1
			err = c.gap(ahead.Seq, q)
		}
		c.last = ahead.Seq
	}
	return true, err
}

// gap tells of what is missing before seq and asks for a snapshot.
func (c *Client) gap(seq uint64, q *Quote) error {
	*q = Quote{TsNs: c.clock, RecvNs: c.clock, Seq: seq, LastSize: int64(seq - c.last - 1), Kind: KindStatus, Status: StatusGap}
	c.asked = true
	return c.send(appendFrame(c.out[:0], frameResend, 0, 0, nil))
}
