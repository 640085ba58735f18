// Package frame is the codec of the fixed 128-byte frames between omsd and riskd.
//
// The layout is docs/contracts.md, "Frames between omsd and riskd"; golden vectors stand in proto/golden.
// Decoding is strict: a wrong version, CRC, sequence or kind, or a non-zero unused byte, is an error, and
// the connection that carried it must be closed.
package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Size is the length of every frame in bytes.
const Size = 128

// Version is the only version of the layout.
const Version = 1

// The ways in which a frame can be wrong. Decode wraps them with what was seen.
var (
	ErrVersion  = errors.New("frame: wrong version")
	ErrCRC      = errors.New("frame: wrong CRC")
	ErrSequence = errors.New("frame: wrong sequence")
	ErrKind     = errors.New("frame: unknown kind")
	ErrUnused   = errors.New("frame: non-zero unused byte")
	ErrLegs     = errors.New("frame: legs that are of no order")
	ErrPath     = errors.New("frame: path that no market has")
)

// Kind says which message a frame carries.
type Kind uint8

// Kinds from omsd are below 64, kinds from riskd from 64 on.
const (
	KindHello     Kind = 1
	KindNewOrder  Kind = 2
	KindCancel    Kind = 3
	KindKill      Kind = 4
	KindSync      Kind = 5
	KindReplace   Kind = 6
	KindHeartbeat Kind = 7
	KindWelcome   Kind = 64
	KindDecision  Kind = 65
	KindExec      Kind = 66
	KindState     Kind = 67
	KindPosition  Kind = 68
	KindPrice     Kind = 69
	KindSyncEnd   Kind = 70
	KindRefused   Kind = 71
)

var kindNames = map[Kind]string{
	KindHello: "HELLO", KindNewOrder: "NEW_ORDER", KindCancel: "CANCEL", KindKill: "KILL", KindSync: "SYNC",
	KindReplace: "REPLACE", KindHeartbeat: "HEARTBEAT",
	KindWelcome: "WELCOME", KindDecision: "DECISION", KindExec: "EXEC", KindState: "STATE",
	KindPosition: "POSITION", KindPrice: "PRICE", KindSyncEnd: "SYNC_END", KindRefused: "REFUSED",
}

// String is the contract's name of the kind.
func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Message is one of the fifteen payloads of this package.
type Message interface {
	// Kind says which payload it is.
	Kind() Kind
	put(b *[Size]byte)
	get(b *[Size]byte)
}

// Header is what every frame carries besides its payload.
type Header struct {
	Sequence uint64
	TsNs     int64
}

// Encode lays a message out with its header and CRC.
func Encode(h Header, m Message) [Size]byte {
	var b [Size]byte
	b[0] = Version
	b[1] = byte(m.Kind())
	binary.LittleEndian.PutUint64(b[8:], h.Sequence)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.TsNs))
	m.put(&b)
	binary.LittleEndian.PutUint32(b[4:], checksum(&b))
	return b
}

// checksum is over every byte but its own four: a flipped bit anywhere, the kind's included, is seen.
func checksum(b *[Size]byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:4]), crc32.IEEETable, b[8:])
}

// Decode reads one frame. wantSequence is the sequence the frame must carry; 0 accepts any.
func Decode(b *[Size]byte, wantSequence uint64) (Header, Message, error) {
	var h Header
	if b[0] != Version {
		return h, nil, fmt.Errorf("%w: %d, want %d", ErrVersion, b[0], Version)
	}
	want := binary.LittleEndian.Uint32(b[4:])
	if got := checksum(b); got != want {
		return h, nil, fmt.Errorf("%w: computed %08x, frame says %08x", ErrCRC, got, want)
	}
	m := blank(Kind(b[1]))
	if m == nil {
		return h, nil, fmt.Errorf("%w: %d", ErrKind, b[1])
	}
	h.Sequence = binary.LittleEndian.Uint64(b[8:])
	h.TsNs = int64(binary.LittleEndian.Uint64(b[16:]))
	if wantSequence != 0 && h.Sequence != wantSequence {
		return h, nil, fmt.Errorf("%w: %d, want %d (%s)", ErrSequence, h.Sequence, wantSequence, m.Kind())
	}
	m.get(b)
	// What a message does not carry is zero after encoding it again: any difference is an unused byte in use.
	if again := Encode(h, m); !bytes.Equal(again[:4], b[:4]) || !bytes.Equal(again[24:], b[24:]) {
		for i := range b {
			if (i < 4 || i >= 24) && again[i] != b[i] {
				return h, nil, fmt.Errorf("%w: offset %d is %d (%s)", ErrUnused, i, b[i], m.Kind())
			}
		}
	}
	if err := hold(m); err != nil {
		return h, nil, err
	}
	return h, m, nil
}

// hold says what is wrong with the values that no reader may be left to judge: legs and paths.
func hold(m Message) error {
	path, offset := uint8(PathDefault), 0
	switch m := m.(type) {
	case *NewOrder:
		if !m.legsHold() {
			return fmt.Errorf("%w: leg %d of %d at offset 84, want 0 of 0, or 1 to n of n with n from 2 to %d (%s)", ErrLegs, m.Leg, m.Legs, MaxLegs, m.Kind())
		}
		path, offset = m.Path, 86
	case *Decision:
		path, offset = m.Path, 81
	}
	if path > PathSecond {
		return fmt.Errorf("%w: %d at offset %d, want %d to %d (%s)", ErrPath, path, offset, PathDefault, PathSecond, m.Kind())
	}
	return nil
}

func blank(k Kind) Message {
	switch k {
	case KindHello:
		return new(Hello)
	case KindNewOrder:
		return new(NewOrder)
	case KindCancel:
		return new(Cancel)
	case KindKill:
		return new(Kill)
	case KindSync:
		return new(Sync)
	case KindReplace:
		return new(Replace)
	case KindHeartbeat:
		return new(Heartbeat)
	case KindWelcome:
		return new(Welcome)
	case KindDecision:
		return new(Decision)
	case KindExec:
		return new(Exec)
	case KindState:
		return new(State)
	case KindPosition:
		return new(Position)
	case KindPrice:
		return new(Price)
	case KindSyncEnd:
		return new(SyncEnd)
	case KindRefused:
		return new(Refused)
	}
	return nil
}
