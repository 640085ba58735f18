package core

// slab hands out values of one kind that are made many at a time: an order's frame then costs no allocation of its own.
type slab[T any] struct{ rest []T }

const slabSize = 64

func (s *slab[T]) next() *T {
	if len(s.rest) == 0 {
		s.rest = make([]T, slabSize)
	}
	p := &s.rest[0]
	s.rest = s.rest[1:]
	return p
}
