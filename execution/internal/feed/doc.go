// Package feed brings market data in: from files of recorded markets and from a simulated live stream over a socket.
// Every source gives one type, Quote, through one interface, Feed. Nothing here judges whether a price can be true:
// that is package gate, and whoever trades on quotes reads them behind it.
//
// Prices are int64 millionths of the currency unit, sizes whole shares, times int64 nanoseconds since the Unix epoch,
// UTC. A side whose price is 0 is absent.
//
// A Feed belongs to one goroutine, from Connect to Close: nothing in it is safe for concurrent use. Whoever wants
// quotes elsewhere copies them there. Next allocates nothing once every instrument and source has been seen.
package feed
