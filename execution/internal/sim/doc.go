// Package sim is the simulated exchange itself: order book state from recorded or simulated market events, the life
// of an order, the cash account and the record of every state change. It does no I/O, starts no goroutine and reads
// no clock: callers hand it the moment, it hands back the records they must journal before anything leaves. The same
// inputs give the same records byte for byte, and the records alone rebuild the state.
//
// Prices and money are int64 millionths of the currency, quantities whole shares, times nanoseconds since the epoch.
// Nothing here is safe for concurrent use: one goroutine owns an Engine.
package sim
