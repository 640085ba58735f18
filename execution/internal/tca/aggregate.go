package tca

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// group names one aggregate.
type group struct{ by, key, currency, measure string }

// Aggregator collects reports and sums them up. It keeps one number a row and measure; the order of reports does not
// matter. Not safe for concurrent use.
type Aggregator struct {
	cells map[group]*cell
}

type cell struct {
	samples     []sample
	missing     int
	sum, weight int64
}

// sample is one row: its cost in basis points and its notional.
type sample struct{ bp, weight float64 }

// NewAggregator is an empty one.
func NewAggregator() *Aggregator { return &Aggregator{cells: map[group]*cell{}} }

// Add takes one parent's report. An amount that would not fit is an error; what came before it stays counted.
func (a *Aggregator) Add(r Report) error {
	p := r.Parent
	measures := []measure{
		{"shortfall", p.Shortfall, p.NotionalMicro}, {"delay", p.Delay, p.NotionalMicro}, {"timing", &p.Timing, p.NotionalMicro},
		{"impact", &p.Impact, p.NotionalMicro}, {"spread", &p.Spread, p.NotionalMicro}, {"unsplit", &p.Unsplit, p.NotionalMicro},
		{"fees", &p.Fees, p.NotionalMicro}, {"opportunity", p.Opportunity, p.NotionalMicro},
		{"vs_arrival", p.VsArrival, &p.TradedMicro}, {"vs_vwap", p.VsVWAP, &p.TradedMicro}, {"vs_twap", p.VsTWAP, &p.TradedMicro},
		{"vs_close", p.VsClose, &p.TradedMicro},
	}
	for _, g := range [][2]string{{"all", ""}, {"algorithm", p.Algorithm}, {"instrument", strconv.FormatInt(p.InstrumentID, 10)}} {
		if err := a.add(g[0], g[1], p.Currency, measures); err != nil {
			return err
		}
	}
	for _, s := range r.Strategies {
		if err := a.add("strategy", s.Strategy, s.Currency, []measure{
			{"shortfall", s.Shortfall, s.NotionalMicro}, {"delay", s.Delay, s.NotionalMicro}, {"timing", &s.Timing, s.NotionalMicro},
			{"impact", &s.Impact, s.NotionalMicro}, {"spread", &s.Spread, s.NotionalMicro}, {"unsplit", &s.Unsplit, s.NotionalMicro},
			{"fees", &s.Fees, s.NotionalMicro}, {"opportunity", s.Opportunity, s.NotionalMicro},
		}); err != nil {
			return err
		}
	}
	for _, c := range r.Children {
		measures := []measure{
			{"cost", c.Cost, c.NotionalMicro}, {"impact", &c.Impact, c.NotionalMicro}, {"spread", &c.Spread, c.NotionalMicro}, {"fees", &c.Fees, c.NotionalMicro},
		}
		for _, g := range [][2]string{{"venue", c.Venue}, {"path", fmt.Sprintf("%s %d", c.Venue, c.Path)}} {
			if err := a.add(g[0], g[1], c.Currency, measures); err != nil {
				return err
			}
		}
	}
	return nil
}

type measure struct {
	name         string
	cost, weight *int64
}

func (a *Aggregator) add(by, key, currency string, measures []measure) error {
	for _, m := range measures {
		g := group{by, key, currency, m.name}
		c := a.cells[g]
		if c == nil {
			c = &cell{}
			a.cells[g] = c
		}
		bp := basisPoints(m.cost, m.weight)
		if bp == nil {
			c.missing++
			continue
		}
		sum, err := times(c.sum, 1).plus(times(*m.cost, 1)).narrow()
		if err != nil {
			return fmt.Errorf("tca: sum of %s by %s %q: %w", m.name, by, key, err)
		}
		weight, err := times(c.weight, 1).plus(times(*m.weight, 1)).narrow()
		if err != nil {
			return fmt.Errorf("tca: notional of %s by %s %q: %w", m.name, by, key, err)
		}
		c.sum, c.weight = sum, weight
		c.samples = append(c.samples, sample{*bp, float64(*m.weight)})
	}
	return nil
}

// Rows are the aggregates, sorted by their names.
func (a *Aggregator) Rows() []AggregateRow {
	var out []AggregateRow
	for g, c := range a.cells {
		row := AggregateRow{
			Kind: "aggregate", Schema: SchemaVersion, By: g.by, Key: g.key, Currency: g.currency, Measure: g.measure,
			N: len(c.samples), NMissing: c.missing, Sum: c.sum, Weight: c.weight, WeightedBp: basisPoints(&c.sum, &c.weight),
		}
		c.statistics(&row)
		out = append(out, row)
	}
	slices.SortFunc(out, func(x, y AggregateRow) int {
		return cmp.Or(cmp.Compare(x.By, y.By), cmp.Compare(x.Key, y.Key), cmp.Compare(x.Currency, y.Currency), cmp.Compare(x.Measure, y.Measure))
	})
	return out
}

// statistics fills in means, median and standard errors. Samples are sorted first: floating sums depend on their order.
// The weighted mean is a ratio of sums, and its standard error that of a ratio estimator (Cochran 1977, section 6.4).
func (c *cell) statistics(row *AggregateRow) {
	n := len(c.samples)
	if n == 0 {
		return
	}
	slices.SortFunc(c.samples, func(x, y sample) int { return cmp.Or(cmp.Compare(x.bp, y.bp), cmp.Compare(x.weight, y.weight)) })
	median := c.samples[n/2].bp
	if n%2 == 0 {
		median = c.samples[n/2-1].bp/2 + median/2
	}
	mean, total := 0.0, 0.0
	for _, s := range c.samples {
		mean += s.bp / float64(n)
		total += s.weight
	}
	row.MedianBp, row.MeanBp = &median, &mean
	if n < 2 {
		return
	}
	plain, weighted := 0.0, 0.0
	for _, s := range c.samples {
		plain += (s.bp - mean) * (s.bp - mean)
		d := s.weight / total * (s.bp - *row.WeightedBp)
		weighted += d * d
	}
	plain = math.Sqrt(plain / float64(n-1) / float64(n))
	weighted = math.Sqrt(weighted * float64(n) / float64(n-1))
	row.MeanSEBp, row.WeightedSEBp = &plain, &weighted
}
