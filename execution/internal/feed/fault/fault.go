// Package fault spoils market data on purpose, for tests and for the simulated live stream. A Planter keeps a map of
// what it did, which no gate ever sees: it is what verdicts are judged by.
//
// Everything it does follows from a seed and the number of the message: the same plan spoils the same messages.
package fault

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"dnalyaw/execution/internal/feed"
)

// Kind is a way to spoil a message or the line.
type Kind uint8

// The kinds.
const (
	Drop      Kind = 1  // it never arrives
	Repeat    Kind = 2  // it arrives twice
	Reorder   Kind = 3  // the next one arrives first
	Delay     Kind = 4  // it arrives DelayNs later, with its old event time
	Backdate  Kind = 5  // its event time lies in the past
	Postdate  Kind = 6  // its event time lies in the future
	Cross     Kind = 7  // bid and ask change places
	Widen     Kind = 8  // one side is far away
	Jump      Kind = 9  // every price is off by a factor
	Negative  Kind = 10 // a price is below 0
	Lose      Kind = 11 // a side is gone
	Cut       Kind = 12 // the connection ends after it
	Mute      Kind = 13 // the line is silent from it on
	kinds          = 14
	firstKind      = Drop
)

var names = [kinds]string{
	Drop: "drop", Repeat: "duplicate", Reorder: "reorder", Delay: "delay", Backdate: "stale", Postdate: "future", Cross: "crossed",
	Widen: "spread", Jump: "spike", Negative: "negative", Lose: "one-sided", Cut: "disconnect", Mute: "dead",
}

func (k Kind) String() string {
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("fault %d", uint8(k))
}

// Kinds are all kinds.
func Kinds() []Kind {
	var all []Kind
	for k := firstKind; k < kinds; k++ {
		all = append(all, k)
	}
	return all
}

// Plan says how often, and how badly.
type Plan struct {
	Seed     uint64
	Rate     [kinds]float64 // chance a message, by kind; together at most 1
	DelayNs  int64          // of Delay; how far Backdate and Postdate are off
	JumpBy   float64        // log factor of Jump, up or down; 0: 0.25
	WidenBy  float64        // log factor by which Widen moves a side; 0: 0.25
	From, To uint64         // numbers of messages that may be spoilt; To 0: no end
	Apart    uint64         // at least so many good messages between two spoilt ones
}

// ParsePlan reads "drop=0.001,spike=1e-4,seed=7,delay-ms=10000".
func ParsePlan(text string) (Plan, error) {
	p := Plan{DelayNs: 10e9}
	if text == "" {
		return p, nil
	}
	for _, item := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(item, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil || !(v >= 0 && v <= 1e15) {
			return p, fmt.Errorf("fault %.40q: give NAME=NUMBER", item)
		}
		switch key {
		case "seed":
			p.Seed = uint64(v)
		case "delay-ms":
			p.DelayNs = int64(v * 1e6)
		case "apart":
			p.Apart = uint64(v)
		case "from":
			p.From = uint64(v)
		default:
			k := slices.Index(names[:], key)
			if k < int(firstKind) {
				return p, fmt.Errorf("fault %.40q: known are %s, seed, delay-ms, apart and from", key, strings.Join(names[firstKind:], ", "))
			}
			p.Rate[k] = v
		}
	}
	return p, p.validate()
}

func (p Plan) validate() error {
	sum := 0.0
	for _, r := range p.Rate {
		sum += r
	}
	if !(sum <= 1) {
		return fmt.Errorf("faults: the rates add up to %v: give at most 1", sum)
	}
	return nil
}

// draw is a number in [0, 1) that hangs on the seed, the message's number and what is drawn alone.
func (p *Plan) draw(n uint64, what string) float64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], p.Seed)
	binary.LittleEndian.PutUint64(b[8:], n)
	h.Write(b[:]) // a hash's Write never fails
	h.Write([]byte(what))
	x := h.Sum64()
	// FNV mixes its last bytes little: finish as splitmix64 does.
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// Planted is one entry of the map.
type Planted struct {
	N        uint64 // the message's number, from 1
	Kind     Kind
	Original feed.Quote
	Given    feed.Quote // as it arrives; of a dropped one, the original
}
