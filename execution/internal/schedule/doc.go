// Package schedule decides how a parent order is worked over time: when the next child order goes, how large it is and
// at which price. It does no I/O and reads no clock. A Plan is made once from a parent and its parameters and never
// changes; Next is a pure function of the plan, of what has filled, of what works and of the market, so a restart in the
// middle goes on exactly as if there had been none.
//
// Prices and money are int64 millionths of the currency unit, quantities int64 whole shares, times int64 nanoseconds
// since the epoch (UTC), fractions int64 parts per million. Floats are parameters of the Almgren-Chriss model only. A
// Plan may be read by any number of goroutines.
package schedule
