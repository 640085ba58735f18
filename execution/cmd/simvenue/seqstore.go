package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/quickfixgo/quickfix"
	"golang.org/x/sys/unix"
)

// seqStore keeps the FIX session's sequence numbers in files, in the form of the FIX engine's own file store and under its names, so
// that a directory that one began the other goes on with. It keeps no message: a resend request is answered by a gap fill. Numbers
// are not synced: what was written survives this process, and what a crash of the machine left behind the protocol repairs.
type seqStore struct {
	dir, prefix    string
	sender, target numberFile
	created        time.Time
	pace           pacer
}

// seqWidth is how many digits a file has.
const seqWidth = 19

// numberFile is a number in a mapped file: writing it costs no call. Its last eight digits are one store of the processor, so a
// kill finds the old number or the new one; the others change once in 100 million messages, before them.
type numberFile struct {
	mapped []byte
	next   int
}

// seqDigits are the digits of a number as the file has them.
func seqDigits(next int) (digits [seqWidth]byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + next%10)
		next /= 10
	}
	return digits
}

// readSeqNum reads what a file holds; 1 where it is empty. It holds no more than is written over.
func readSeqNum(data []byte) (int, error) {
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return 1, nil
	}
	next, err := strconv.Atoi(text)
	if err != nil || next < 1 || len(text) > seqWidth {
		return 0, fmt.Errorf("%.40q is no sequence number", text)
	}
	return next, nil
}

// errSeqClosed is what a session hears that goes on after its numbers were closed.
var errSeqClosed = errors.New("the session's numbers are closed")

func (n *numberFile) set(next int) error {
	if n.mapped == nil {
		return errSeqClosed
	}
	digits := seqDigits(next)
	const low = seqWidth - 8
	if next/1e8 != n.next/1e8 {
		copy(n.mapped[:low], digits[:low])
	}
	binary.LittleEndian.PutUint64(n.mapped[low:], binary.LittleEndian.Uint64(digits[low:]))
	n.next = next
	return nil
}

func (n *numberFile) open(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n.next, err = readSeqNum(data); err != nil {
		return fmt.Errorf("%s: %w; remove the file: the two sides then agree anew", path, err)
	}
	digits := seqDigits(n.next)
	if _, err := f.WriteAt(digits[:], 0); err != nil {
		return err
	}
	n.mapped, err = unix.Mmap(int(f.Fd()), 0, seqWidth, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("%s: cannot map it: %w", path, err)
	}
	return nil
}

func (n *numberFile) close() error {
	if n.mapped == nil {
		return nil
	}
	mapped := n.mapped
	n.mapped = nil
	return unix.Munmap(mapped)
}

// openSeqStore opens the numbers of a session in dir.
func openSeqStore(dir string, id quickfix.SessionID) (*seqStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &seqStore{dir: dir, prefix: fmt.Sprintf("%s-%s-%s", id.BeginString, id.SenderCompID, id.TargetCompID)}
	if err := s.Refresh(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Create implements quickfix.MessageStoreFactory: this venue has one session and one store.
func (s *seqStore) Create(quickfix.SessionID) (quickfix.MessageStore, error) { return s, nil }

func (s *seqStore) path(what string) string { return filepath.Join(s.dir, s.prefix+"."+what) }

// Refresh reads the files.
func (s *seqStore) Refresh() error {
	if err := s.Close(); err != nil {
		return err
	}
	if err := s.sender.open(s.path("senderseqnums")); err != nil {
		return err
	}
	if err := s.target.open(s.path("targetseqnums")); err != nil {
		return err
	}
	data, err := os.ReadFile(s.path("session"))
	if err == nil {
		err = s.created.UnmarshalText(data)
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) && len(data) == 0 {
		return err
	}
	return s.begin()
}

// begin notes when the numbers began.
func (s *seqStore) begin() error {
	s.created = time.Now().UTC()
	text, err := s.created.MarshalText()
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("session"), text, 0o600)
}

// Reset starts the numbers again.
func (s *seqStore) Reset() error {
	if err := errors.Join(s.sender.set(1), s.target.set(1)); err != nil {
		return err
	}
	return s.begin()
}

// Close closes the files.
func (s *seqStore) Close() error { return errors.Join(s.sender.close(), s.target.close()) }

// NextSenderMsgSeqNum implements quickfix.MessageStore, as all that follows.
func (s *seqStore) NextSenderMsgSeqNum() int { return s.sender.next }

// NextTargetMsgSeqNum is the number expected next.
func (s *seqStore) NextTargetMsgSeqNum() int { return s.target.next }

// IncrNextSenderMsgSeqNum moves on by one.
func (s *seqStore) IncrNextSenderMsgSeqNum() error {
	return s.sender.set(s.sender.next + 1)
}

// IncrNextTargetMsgSeqNum moves on by one.
func (s *seqStore) IncrNextTargetMsgSeqNum() error {
	return s.target.set(s.target.next + 1)
}

// SetNextSenderMsgSeqNum sets the number to send next.
func (s *seqStore) SetNextSenderMsgSeqNum(next int) error {
	return s.sender.set(next)
}

// SetNextTargetMsgSeqNum sets the number to expect next.
func (s *seqStore) SetNextTargetMsgSeqNum(next int) error {
	return s.target.set(next)
}

// CreationTime is when the numbers began. The session asks for it each time it looks whether it has something to send.
func (s *seqStore) CreationTime() time.Time {
	s.pace.turn()
	return s.created
}

// SetCreationTime is for stores that copy another.
func (s *seqStore) SetCreationTime(t time.Time) { s.created = t }

// SaveMessage keeps nothing.
func (s *seqStore) SaveMessage(int, []byte) error { return nil }

// SaveMessageAndIncrNextSenderMsgSeqNum keeps nothing but the number.
func (s *seqStore) SaveMessageAndIncrNextSenderMsgSeqNum(int, []byte) error {
	return s.IncrNextSenderMsgSeqNum()
}

// GetMessages finds nothing: nothing stale is sent again.
func (s *seqStore) GetMessages(int, int) ([][]byte, error) { return nil, nil }

// IterateMessages finds nothing.
func (s *seqStore) IterateMessages(int, int, func([]byte) error) error { return nil }

// pacer keeps the FIX engine from spinning. Its session hands messages to a goroutine that writes them, and while that one writes
// it goes round and round asking for it, on the processor that the writer may need. So it gives way each time it asks in vain, and
// sleeps once that has gone on: then the client reads slowly. It belongs to the session's goroutine.
type pacer struct{ idle int }

const (
	yields  = 32
	respite = 20 * time.Microsecond
)

// turn is called each time the session asks.
func (p *pacer) turn() {
	p.idle++
	switch {
	case p.idle > yields:
		time.Sleep(respite)
	case p.idle > 1:
		runtime.Gosched()
	}
}

// moved is called when a message came or went.
func (p *pacer) moved() { p.idle = 0 }
