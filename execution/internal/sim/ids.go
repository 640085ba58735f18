package sim

import "strconv"

// idSet holds every ClOrdID that was ever taken. Ids are a name and a number that mostly counts up ("US-17"), so the
// numbers of a name are bits: a million ids take 125 KB instead of a map's 100 MB. Any other id is kept as it is.
type idSet struct {
	numbers map[string]map[int64]*[chunkWords]uint64
	others  map[string]struct{}

	lastName  string // the chunk that was used last
	lastChunk int64
	last      *[chunkWords]uint64
}

const (
	chunkWords = 64
	chunkBits  = chunkWords * 64
)

func newIDSet() *idSet {
	return &idSet{numbers: map[string]map[int64]*[chunkWords]uint64{}, others: map[string]struct{}{}}
}

// splitID parts an id into its name and the number at its end; false where the number is not written the one way that a
// number is, or does not fit.
func splitID(id string) (name string, number int64, ok bool) {
	at := len(id)
	for at > 0 && id[at-1] >= '0' && id[at-1] <= '9' {
		at--
	}
	digits := id[at:]
	if digits == "" || len(digits) > 18 || digits[0] == '0' && len(digits) > 1 {
		return "", 0, false
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	return id[:at], number, err == nil
}

// chunk is where the number's bit is; nil where none of its neighbours is in the set.
func (s *idSet) chunk(name string, number int64) *[chunkWords]uint64 {
	at := number / chunkBits
	if s.last != nil && s.lastChunk == at && s.lastName == name {
		return s.last
	}
	c := s.numbers[name][at]
	if c != nil {
		s.lastName, s.lastChunk, s.last = name, at, c
	}
	return c
}

func (s *idSet) has(id string) bool {
	name, number, ok := splitID(id)
	if !ok {
		_, in := s.others[id]
		return in
	}
	c := s.chunk(name, number)
	bit := number % chunkBits
	return c != nil && c[bit/64]&(1<<(bit%64)) != 0
}

func (s *idSet) add(id string) {
	name, number, ok := splitID(id)
	if !ok {
		s.others[id] = struct{}{}
		return
	}
	c := s.chunk(name, number)
	if c == nil {
		if s.numbers[name] == nil {
			s.numbers[name] = map[int64]*[chunkWords]uint64{}
		}
		c = new([chunkWords]uint64)
		s.numbers[name][number/chunkBits] = c
	}
	bit := number % chunkBits
	c[bit/64] |= 1 << (bit % 64)
}
