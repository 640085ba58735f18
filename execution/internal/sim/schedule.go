package sim

import (
	"fmt"
	"time"
)

// FeeModel names the dated schedule of taxes and levies that the venue charges beside the session's own fees.
type FeeModel struct {
	Schedule string `json:"schedule"` // us or hk
	AsOf     string `json:"as_of"`    // charge the rates of this date instead of the session's
}

// The schedules.
const (
	ScheduleUS = "us" // SEC fee and FINRA trading activity fee, on sales
	ScheduleHK = "hk" // stamp duty, levies, trading and settlement fee, on both sides
)

// Rate is one tax or levy on a contract note from a date on.
type Rate struct {
	Name     string
	From     string // first session, YYYY-MM-DD
	SellOnly bool
	Stamp    bool  // instruments may be exempt
	Notional int64 // hundred-millionths (1e-8) of the notional
	Share    int64 // millionths of the currency a share
	Unit     int64 // the amount is rounded to multiples of it, in millionths
	Up       bool  // rounded up; false = to the nearest, a half up
	Min, Max int64 // millionths; Max 0 = none
}

const (
	cent   = int64(10_000)
	dollar = int64(1_000_000)
)

// usRates: Section 31 of the Securities Exchange Act, by the SEC's fee rate advisories (dollars a million sold), and FINRA By-Laws,
// Schedule A, Section 1 (a share sold, at most so much a trade). Both are passed on to the customer rounded up to a cent.
var usRates = [][]Rate{
	{
		sec("2013-05-25", 17_40), sec("2014-03-18", 22_10), sec("2015-02-14", 18_40), sec("2016-02-16", 21_80), sec("2017-07-04", 23_10),
		sec("2018-05-22", 13_00), sec("2019-04-16", 20_70), sec("2020-02-18", 22_10), sec("2021-02-25", 5_10), sec("2022-05-14", 22_90),
		sec("2023-02-27", 8_00), sec("2024-05-22", 27_80), sec("2025-05-14", 0), sec("2026-04-04", 20_60),
	},
	{
		taf("2012-07-01", 119, 5_95), taf("2022-01-01", 130, 6_49), taf("2023-01-01", 145, 7_27), taf("2024-01-01", 166, 8_30), taf("2026-01-01", 195, 9_79),
		taf("2026-10-01", 0, 0), taf("2027-01-01", 195, 9_79),
	},
}

// sec is a rate in cents a million, each of which is 1e-8 of the notional.
func sec(from string, cents int64) Rate {
	return Rate{Name: "sec_fee", From: from, SellOnly: true, Notional: cents, Unit: cent, Up: true}
}

func taf(from string, micro, maxCents int64) Rate {
	return Rate{Name: "finra_taf", From: from, SellOnly: true, Share: micro, Unit: cent, Up: true, Max: maxCents * cent}
}

// hkRates: Stamp Duty Ordinance (Cap. 117) head 2(1), a part of a dollar as a dollar; SFC, AFRC and HKEX, to the nearest cent;
// HKSCC's stock settlement fee.
var hkRates = [][]Rate{
	{stamp("2014-01-01", 100_000), stamp("2021-08-01", 130_000), stamp("2023-11-17", 100_000)},
	{levy("sfc_levy", "2014-11-01", 2_700)},
	{levy("afrc_levy", "2022-01-01", 150)},
	{levy("trading_fee", "2014-01-01", 5_000), levy("trading_fee", "2023-01-01", 5_650)},
	{
		Rate{Name: "settlement_fee", From: "2014-01-01", Notional: 2_000, Unit: cent, Min: 2 * dollar, Max: 100 * dollar},
		levy("settlement_fee", "2025-06-30", 4_200),
	},
}

func stamp(from string, notional int64) Rate {
	return Rate{Name: "stamp_duty", From: from, Stamp: true, Notional: notional, Unit: dollar, Up: true}
}

func levy(name, from string, notional int64) Rate {
	return Rate{Name: name, From: from, Notional: notional, Unit: cent}
}

// firstSession is the first for which every rate of a schedule that ever held is known.
var firstSession = map[string]string{ScheduleUS: "2013-05-25", ScheduleHK: "2014-11-01"}

// RatesOf lists what a schedule charges in a session.
func RatesOf(schedule, session string) ([]Rate, error) {
	var all [][]Rate
	switch schedule {
	case ScheduleUS:
		all = usRates
	case ScheduleHK:
		all = hkRates
	default:
		return nil, fmt.Errorf("fee schedule %q: give %s or %s", schedule, ScheduleUS, ScheduleHK)
	}
	if first := firstSession[schedule]; session < first {
		return nil, fmt.Errorf("fee schedule %s is known from %s on, not for %s: give as_of, a later date whose rates to charge", schedule, first, session)
	}
	var out []Rate
	for _, kind := range all {
		var last *Rate
		for i := range kind {
			if kind[i].From <= session {
				last = &kind[i]
			}
		}
		if last != nil && (last.Notional > 0 || last.Share > 0) {
			out = append(out, *last)
		}
	}
	return out, nil
}

func (m *FeeModel) validate(session string) error {
	if m == nil {
		return nil
	}
	if m.AsOf != "" {
		if _, err := time.Parse(time.DateOnly, m.AsOf); err != nil {
			return fmt.Errorf("model.fees.as_of %q is no date YYYY-MM-DD", m.AsOf)
		}
	}
	if _, err := RatesOf(m.Schedule, m.date(session)); err != nil {
		return fmt.Errorf("model.fees: %w", err)
	}
	return nil
}

func (m *FeeModel) date(session string) string {
	if m.AsOf != "" {
		return m.AsOf
	}
	return session
}

// Of is what the rate charges for a contract note of qty shares worth notional, in millionths.
func (r *Rate) Of(side Side, qty, notional int64) (int64, error) {
	if r.SellOnly && side != Sell || qty == 0 {
		return 0, nil
	}
	units, err := mulDivRound(notional, r.Notional, 100_000_000*r.Unit, r.Up)
	if err != nil {
		return 0, err
	}
	if r.Share > 0 {
		amount, err := mul(qty, r.Share)
		if err != nil {
			return 0, err
		}
		more, err := mulDivRound(amount, 1, r.Unit, r.Up)
		if err != nil {
			return 0, err
		}
		units += more
	}
	amount, err := mul(units, r.Unit)
	if err != nil {
		return 0, err
	}
	amount = max(amount, r.Min)
	if r.Max > 0 {
		amount = min(amount, r.Max)
	}
	return amount, nil
}
