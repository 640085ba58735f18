// Package gate judges market data before anything trades on it. A Gate takes a feed's quotes one by one and says of
// each: pass, hold or refuse, with a named reason, what was measured and the bound it broke. It is pure: no clock, no
// I/O, no goroutine, no randomness; the same quotes and calls give the same verdicts. A check costs the same whatever
// came before it and allocates nothing once an instrument has been seen.
//
// Every quote has one end: it passes, or it is refused. A quote that is held as a possible price spike is let go, in
// order, when the move is confirmed, and refused when it is not. Refused quotes are counted by instrument and reason,
// kept (Keeper) and explained in words (Explain).
//
// Prices are int64 millionths, times ns UTC. Floats appear only in statistics: relative spreads, log returns, scales.
// A Gate belongs to one goroutine, that of its feed.
package gate
