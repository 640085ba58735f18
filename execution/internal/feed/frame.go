package feed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The live stream's frames, little endian, on a stream socket:
//
//	0 u8 version = 1 · 1 u8 kind · 2 u16 length of the whole frame · 4 u32 CRC-32C of bytes 0..4 and 8..length
//	8 u64 sequence · 16 i64 the sender's clock, ns · 24 body
//
// Only quotes that are no snapshot's are numbered, from 1 at each subscription; other frames bear the last number sent.
const (
	frameVersion = 1
	frameHeader  = 24
	frameMost    = 1<<16 - 1
	quoteFrame   = frameHeader + 72
)

// Kinds of frames: the server's from 1, the client's from 65.
const (
	frameHello     = 1 // u64 epoch of the server · u32 heartbeat, ms · u8 1 = simulated
	frameName      = 2 // i64 instrument id · its symbol
	frameSource    = 3 // u16 index · the source's text
	frameQuote     = 4 // see putQuote
	frameBeat      = 5 // nothing
	frameSnapBegin = 6 // nothing
	frameSnapEnd   = 7 // nothing; the sequence is that of the last message which the snapshot contains
	frameEnd       = 8 // nothing: the source is at its end
	frameRefused   = 9 // text: why

	frameSubscribe = 65 // u8 1 = more follow · i64 ids; none = all
	frameResend    = 66 // nothing: send a snapshot
)

// frame is a decoded one; body points into the buffer it was read from.
type frame struct {
	kind  uint8
	seq   uint64
	clock int64
	body  []byte
}

// errShortFrame says that more bytes are needed.
var errShortFrame = errors.New("the frame is not complete")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameLen is the length of the frame that begins with these bytes.
func frameLen(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, errShortFrame
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	switch {
	case b[0] != frameVersion:
		return 0, fmt.Errorf("frame version %d, want %d: both ends must be of one release", b[0], frameVersion)
	case n < frameHeader:
		return 0, fmt.Errorf("a frame of %d bytes, the least is %d", n, frameHeader)
	}
	return n, nil
}

// parseFrame reads a whole frame.
func parseFrame(b []byte) (frame, error) {
	n, err := frameLen(b)
	if err != nil {
		return frame{}, err
	}
	if len(b) < n {
		return frame{}, errShortFrame
	}
	if got, want := frameSum(b[:n]), binary.LittleEndian.Uint32(b[4:]); got != want {
		return frame{}, fmt.Errorf("frame of kind %d: checksum %08x, want %08x: the line or its writer is broken", b[1], got, want)
	}
	return frame{kind: b[1], seq: binary.LittleEndian.Uint64(b[8:]), clock: int64(binary.LittleEndian.Uint64(b[16:])), body: b[frameHeader:n]}, nil
}

func frameSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// begin appends a frame's header; finish sets its length and checksum.
func begin(to []byte, kind uint8, seq uint64, clock int64) []byte {
	to = append(to, frameVersion, kind, 0, 0, 0, 0, 0, 0)
	to = binary.LittleEndian.AppendUint64(to, seq)
	return binary.LittleEndian.AppendUint64(to, uint64(clock))
}

func finish(to []byte, start int) []byte {
	b := to[start:]
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)))
	binary.LittleEndian.PutUint32(b[4:], frameSum(b))
	return to
}

// appendFrame appends a frame whose body is given.
func appendFrame(to []byte, kind uint8, seq uint64, clock int64, body []byte) []byte {
	start := len(to)
	return finish(append(begin(to, kind, seq, clock), body...), start)
}

// appendQuote appends a quote. source is its index in the connection's list.
func appendQuote(to []byte, q *Quote, clock int64, source uint16) []byte {
	start := len(to)
	to = begin(to, frameQuote, q.Seq, clock)
	for _, v := range [...]int64{q.InstrumentID, q.TsNs, q.Bid, q.Ask, q.BidSize, q.AskSize, q.Last, q.LastSize} {
		to = binary.LittleEndian.AppendUint64(to, uint64(v))
	}
	to = binary.LittleEndian.AppendUint16(to, source)
	to = append(to, byte(q.Kind), byte(q.Status))
	to = binary.LittleEndian.AppendUint16(to, uint16(q.Flags))
	return finish(append(to, 0, 0), start)
}

// parseQuote reads a quote's frame. What it says is the gate's to judge; the source is an index.
func parseQuote(f frame, q *Quote) (source uint16, err error) {
	if len(f.body) != quoteFrame-frameHeader {
		return 0, fmt.Errorf("a quote of %d bytes, want %d", len(f.body), quoteFrame-frameHeader)
	}
	le, b := binary.LittleEndian, f.body
	at := func(i int) int64 { return int64(le.Uint64(b[8*i:])) }
	*q = Quote{
		InstrumentID: at(0), TsNs: at(1), Bid: at(2), Ask: at(3), BidSize: at(4), AskSize: at(5), Last: at(6), LastSize: at(7),
		RecvNs: f.clock, Seq: f.seq, Kind: Kind(b[66]), Status: Status(b[67]), Flags: Flags(le.Uint16(b[68:])),
	}
	return le.Uint16(b[64:]), nil
}

// hello is what a server says first.
type hello struct {
	epoch     uint64
	heartbeat uint32 // milliseconds
	simulated bool
}

func appendHello(to []byte, h hello, clock int64) []byte {
	body := binary.LittleEndian.AppendUint64(nil, h.epoch)
	body = binary.LittleEndian.AppendUint32(body, h.heartbeat)
	simulated := byte(0)
	if h.simulated {
		simulated = 1
	}
	return appendFrame(to, frameHello, 0, clock, append(body, simulated))
}

func parseHello(f frame) (hello, error) {
	if f.kind != frameHello || len(f.body) != 13 {
		return hello{}, fmt.Errorf("the first frame is of kind %d with %d bytes, want a hello of 13: is this a feed server?", f.kind, len(f.body))
	}
	h := hello{binary.LittleEndian.Uint64(f.body), binary.LittleEndian.Uint32(f.body[8:]), f.body[12] == 1}
	if h.heartbeat == 0 || h.heartbeat > 3_600_000 {
		return hello{}, fmt.Errorf("a heartbeat every %d ms: give 1 to 3600000", h.heartbeat)
	}
	return h, nil
}

// idsAFrame is how many ids a subscription's frame takes.
const idsAFrame = 8000

// appendSubscribe appends the frames of a subscription.
func appendSubscribe(to []byte, ids []int64) []byte {
	for {
		n := min(len(ids), idsAFrame)
		body := []byte{0}
		if n < len(ids) {
			body[0] = 1
		}
		for _, id := range ids[:n] {
			body = binary.LittleEndian.AppendUint64(body, uint64(id))
		}
		to = appendFrame(to, frameSubscribe, 0, 0, body)
		if ids = ids[n:]; len(ids) == 0 {
			return to
		}
	}
}

func parseSubscribe(f frame, ids []int64) ([]int64, bool, error) {
	if len(f.body)%8 != 1 {
		return ids, false, fmt.Errorf("a subscription of %d bytes", len(f.body))
	}
	for b := f.body[1:]; len(b) > 0; b = b[8:] {
		ids = append(ids, int64(binary.LittleEndian.Uint64(b)))
	}
	return ids, f.body[0] == 1, nil
}
