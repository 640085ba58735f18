package feed

import (
	"context"
	"fmt"
	"time"
)

// replay hands the source's quotes on when they are due. What was due before the start only makes the state: a server
// that begins again joins a market that has gone on.
func (s *Server) replay(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.started:
	}
	var q Quote
	var first int64
	anchor := s.opt.Anchor
	begun := s.opt.Clock.Now()
	if anchor.IsZero() {
		anchor = begun
	}
	for n := 0; s.opt.Source.Next(&q); n++ {
		if n == 0 {
			first = q.TsNs
			s.mu.Lock()
			s.first, s.anchor = first, anchor
			s.mu.Unlock()
		}
		quiet, wait := false, begun
		if s.opt.Speed > 0 {
			due := anchor.Add(time.Duration(float64(q.TsNs-first) / s.opt.Speed))
			quiet = due.Before(begun)
			wait = due
		}
		quiet = quiet || q.TsNs < s.opt.FromNs
		if !quiet {
			s.caughtUp()
			if !s.sleepUntil(ctx, wait) {
				return nil
			}
		}
		s.publish(ctx, &q, quiet)
	}
	s.caughtUp()
	if err := s.opt.Source.Err(); err != nil {
		return fmt.Errorf("feed server: the source failed: %w", err)
	}
	return nil
}

// caughtUp lets subscriptions in; it is called before the replay begins and then by it alone.
func (s *Server) caughtUp() {
	select {
	case <-s.caught:
	default:
		close(s.caught)
	}
}

// clock is the replayed moment, with the lock held: it goes on where no quote is due, and is not behind the last one.
func (s *Server) clock() int64 {
	if s.opt.Speed == 0 || s.anchor.IsZero() {
		return s.now
	}
	return max(s.now, s.first+int64(float64(s.opt.Clock.Now().Sub(s.anchor))*s.opt.Speed))
}

func (s *Server) sleepUntil(ctx context.Context, due time.Time) bool {
	wait := due.Sub(s.opt.Clock.Now())
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
