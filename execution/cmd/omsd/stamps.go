package main

import (
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/stamp"
)

// openStamps makes the file of --stamps; without one there are none.
func openStamps(path string) (*stamp.File, error) {
	if path == "" {
		return nil, nil
	}
	return stamp.Create(path, stamp.Capacity)
}

// stamped is an observer that also stamps every step of every order.
func stamped(observer core.Observer, file *stamp.File) core.Observer {
	if file == nil {
		return observer
	}
	return &stamper{observer, file}
}

type stamper struct {
	core.Observer
	file *stamp.File
}

func (s *stamper) Planned(o *order.Order) {
	s.file.Put(stamp.Planned, o.ID)
	s.Observer.Planned(o)
}

func (s *stamper) Submitted(o *order.Order) {
	s.file.Put(stamp.Submitted, o.ID)
	s.Observer.Submitted(o)
}

func (s *stamper) Decided(o *order.Order) {
	s.file.Put(stamp.Decided, o.ID)
	s.Observer.Decided(o)
}

func (s *stamper) Reported(o *order.Order, r *order.Report) {
	if r.Type == frame.ExecNew {
		s.file.Put(stamp.Acked, o.ID)
	}
	s.Observer.Reported(o, r)
}

func (s *stamper) Reached(o *order.Order, from order.State) {
	if !o.Open() {
		s.file.Put(stamp.Ended, o.ID)
	}
	s.Observer.Reached(o, from)
}
