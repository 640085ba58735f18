// Package router chooses one of a market's two paths for each child order, in such a way that the orders make an honest
// experiment of fill quality, and analyses what came of it.
//
// The design is a stratified one with permuted blocks. An order's stratum (market, instrument or liquidity, size, spread,
// time of the session) is fixed from what is known before it is sent. Within a stratum orders take the slots of blocks of
// four in turn; which two of the four take path 1 is drawn by a keyed hash of the seed, the stratum and the block's
// number. So the split is balanced at every moment, nobody without the seed can tell the next slot, and nothing of the
// order but its stratum matters. An assignment is a record that the owner journals before the order is sent. Orders whose
// path was forced are marked and the analysis leaves them out.
//
// The package does no I/O and reads no clock. State is plain data, changed only by applying records, so that a replay of
// them gives the same state. One goroutine owns a State; everything else is pure functions.
//
// Costs are in basis points, times in nanoseconds since the epoch (UTC), fractions in parts per million.
package router
