package main

// flips says which name each update is about. Names are bought in turn, and sold half a round later, so half of them are
// held and a name has the time of as many updates as there are names for each of its orders.
type flips struct {
	names  int
	bought int
	sold   int
}

// buy is the next name to be bought.
func (f *flips) buy() int {
	f.bought++
	return (f.bought - 1) % f.names
}

// sell is the next name to be sold; false when none is held.
func (f *flips) sell() (int, bool) {
	if f.sold == f.bought {
		return 0, false
	}
	f.sold++
	return (f.sold - 1) % f.names, true
}

// next alternates once half of the names are held.
func (f *flips) next() (name int, held bool) {
	if f.bought-f.sold > f.names/2 {
		name, _ = f.sell()
		return name, false
	}
	return f.buy(), true
}
