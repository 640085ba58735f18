package core

import (
	"time"

	"dnalyaw/execution/internal/journal"
)

// Memory is a journal that keeps nothing, for runs on a virtual clock: what they begin with gives the same again.
type Memory struct {
	pending int
	blocks  uint64
	synced  chan struct{}
}

// NewMemory makes one.
func NewMemory() *Memory { return &Memory{synced: make(chan struct{})} }

// Keeps is false.
func (m *Memory) Keeps() bool { return false }

// Append counts a record.
func (m *Memory) Append([]byte) { m.pending++ }

// Pending is the number of records since the last Commit.
func (m *Memory) Pending() int { return m.pending }

// Commit ends a block.
func (m *Memory) Commit() error { m.pending, m.blocks = 0, m.blocks+1; return nil }

// Roll forgets the state.
func (m *Memory) Roll([]byte) error { return nil }

// Blocks is the number of blocks.
func (m *Memory) Blocks() uint64 { return m.blocks }

// Durable is all of them.
func (m *Memory) Durable() uint64 { return m.blocks }

// Synced never has a word: nothing waits.
func (m *Memory) Synced() <-chan struct{} { return m.synced }

// Lag is none.
func (m *Memory) Lag(time.Time) time.Duration { return 0 }

// Err is none.
func (m *Memory) Err() error { return nil }

// Chain is nothing.
func (m *Memory) Chain() journal.Hash { return journal.Hash{} }

// Close does nothing.
func (m *Memory) Close() error { return nil }
