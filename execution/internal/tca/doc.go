// Package tca is transaction cost analysis: what each parent order cost against the price at which it was decided, split
// into delay, timing, impact, spread, fees and opportunity (Perold 1988, "The implementation shortfall"; the split of the
// delay from the trading is Wagner and Edwards 1993), and against the arrival price, the interval's VWAP and the close; by
// strategy, venue and path.
//
// Everything is a pure function of the parent, its fills and the market's series, which a Market streams. Money is int64
// millionths of the currency unit, prices int64 millionths, quantities int64 whole shares, times int64 nanoseconds since
// the epoch (UTC). A cost is positive when it is worse for us, on either side. Sums are exact: products are computed in
// 128 bits and half millionths of mids are rounded once, with what that changes shown as a residual. What cannot be
// measured is null and named, never zero. Floats are basis points and statistics only.
package tca
