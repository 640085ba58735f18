package register

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Cached reads a register only when its file is another one than at the last look: by device, file number, size and the
// moment of its last change. The file is only ever appended to or replaced, so one that changed has another of these.
//
// Read may be called from any goroutine; who gets a register must not change it.
type Cached struct {
	path string

	mu   sync.Mutex
	seen identity
	reg  Register
	err  error
}

// identity is what a file is known by.
type identity struct {
	device, number uint64
	size           int64
	changed        syscall.Timespec
}

// NewCached makes a reader of the register at path.
func NewCached(path string) *Cached { return &Cached{path: path} }

// Read is Read of the file as it is now.
func (c *Cached) Read() (Register, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := identify(c.path)
	if err != nil {
		c.seen = identity{}
		return nil, fmt.Errorf("read the register: %w", err)
	}
	if now == c.seen {
		return c.reg, c.err
	}
	// What is read may be newer than its identity: then the next look reads it again.
	c.reg, c.err = Read(c.path)
	if c.seen = now; c.err != nil && !errors.Is(c.err, ErrMalformed) {
		c.seen = identity{} // the system's refusal says nothing of the file: the next look may go well
	}
	return c.reg, c.err
}

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("%s: the system tells no file number", path)
	}
	return identity{s.Dev, s.Ino, s.Size, s.Ctim}, nil
}
