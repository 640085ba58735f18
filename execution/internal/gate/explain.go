package gate

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"dnalyaw/execution/internal/feed"
)

// Explain says a verdict in words: what was found, what it was held against, and what was missing for it to pass. name
// is the instrument's symbol; where it is empty the id stands for it.
func Explain(q *feed.Quote, v Verdict, name string) string {
	if name == "" {
		name = "instrument " + strconv.FormatInt(q.InstrumentID, 10)
	}
	return name + " " + describe(q, v)
}

func describe(q *feed.Quote, v Verdict) string {
	ns := func(f float64) time.Duration { return time.Duration(f).Round(time.Millisecond) }
	switch v.Reason {
	case None:
		return fmt.Sprintf("%s passes", q.Kind)
	case Malformed:
		return fmt.Sprintf("has a message of kind %d: the decoder or the source is broken", q.Kind)
	case Unknown:
		return fmt.Sprintf("is one more than the %.0f instruments that are kept", v.Bound)
	case NotPositive:
		if v.Side == Sizes {
			return fmt.Sprintf("%s has a size of %.0f", q.Kind, v.Measured)
		}
		return fmt.Sprintf("%s %s is %s", q.Kind, v.Side, Price(int64(v.Measured)))
	case Halted:
		return fmt.Sprintf("%s comes while trading is halted", q.Kind)
	case Stale:
		switch v.Side {
		case Order:
			return fmt.Sprintf("message %d comes %.0f messages late, at most %.0f are taken", q.Seq, v.Measured, v.Bound)
		case LastPrice:
			return fmt.Sprintf("%s is %v older than what was seen already", q.Kind, ns(v.Measured))
		}
		return fmt.Sprintf("%s was %v old when it came, at most %v is taken", q.Kind, ns(v.Measured), ns(v.Bound))
	case Future:
		return fmt.Sprintf("%s is dated %v after it came, the clocks may differ by %v", q.Kind, ns(v.Measured), ns(v.Bound))
	case Duplicate:
		if v.Measured > 0 {
			return fmt.Sprintf("message %.0f was seen before (the last is %.0f)", v.Measured, v.Bound)
		}
		return fmt.Sprintf("%s says again what the one before said", q.Kind)
	case Crossed:
		return fmt.Sprintf("bid %s is %s above ask %s", Price(q.Bid), Price(int64(v.Measured)), Price(q.Ask))
	case Locked:
		return fmt.Sprintf("bid and ask are both %s", Price(q.Ask))
	case OneSided:
		if v.Side == Whole {
			return "has neither bid nor ask"
		}
		return fmt.Sprintf("has no %s", v.Side)
	case OffTick:
		return fmt.Sprintf("%s %s is no multiple of the tick %s", v.Side, Price(int64(v.Measured)), Price(int64(v.Bound)))
	case Spread:
		return fmt.Sprintf("bid %s and ask %s are %s apart, %.1f robust deviations above the usual; at most %s is taken", Price(q.Bid), Price(q.Ask), percent(v.Measured), v.Score, percent(v.Bound))
	case Spike:
		return spiked(q, v)
	}
	return v.Reason.String()
}

func spiked(q *feed.Quote, v Verdict) string {
	price, side := q.Last, q.Kind.String()
	switch {
	case q.Kind != feed.KindQuote:
	case v.Side == AskSide:
		price, side = q.Ask, "ask"
	default:
		price, side = q.Bid, "bid"
	}
	text := fmt.Sprintf("%s %s is %.1f robust deviations (%s) from %s within %v, %s is taken", side, Price(price), v.Score,
		percent(math.Expm1(v.Measured)), Price(v.Ref), time.Duration(v.SinceNs).Round(time.Millisecond), percent(math.Expm1(v.Bound)))
	switch v.Release {
	case ByQuotes:
		return text + "; confirmed by quotes at the new level"
	case ByTrades:
		return text + "; confirmed by trades at the new level"
	case ByAuction:
		return text + "; confirmed by an auction at the new level"
	case ByMarket:
		return text + "; confirmed by other instruments moving the same way"
	case BorneOut:
		return text + "; borne out by the price that followed"
	case Reverted:
		return text + "; not confirmed: the price came back"
	case Contradicted:
		return text + "; not confirmed: the price went elsewhere"
	case Crowded:
		return text + "; not confirmed before there were too many to hold"
	case Unconfirmed:
		return text + "; not confirmed before trading stopped"
	}
	return text + "; held until it is confirmed"
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'g', 3, 64) + "%" }

// Price writes millionths as a decimal with at least two places.
func Price(micro int64) string {
	sign, v := "", uint64(micro)
	if micro < 0 {
		sign, v = "-", -v
	}
	text := fmt.Sprintf("%s%d.%06d", sign, v/1_000_000, v%1_000_000)
	for range 4 {
		if text[len(text)-1] != '0' {
			break
		}
		text = text[:len(text)-1]
	}
	return text
}

// Words say a finding.
func (f Finding) Words(name string) string {
	if f.InstrumentID == 0 {
		name = "the feed"
	} else if name == "" {
		name = "instrument " + strconv.FormatInt(f.InstrumentID, 10)
	}
	if f.Over {
		return name + " is heard of again"
	}
	return fmt.Sprintf("%s has been silent for %v, at most %v is taken in session time", name, time.Duration(f.NowNs-f.SinceNs), time.Duration(f.BoundNs))
}
