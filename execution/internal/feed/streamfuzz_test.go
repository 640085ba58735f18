package feed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// scripted is a connection whose other end has said everything and listens for ever.
type scripted struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *scripted) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s *scripted) Write(b []byte) (int, error)      { return s.out.Write(b) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// seenFrame is a frame as the test reads it, from the layout in frame.go and with none of its code.
type seenFrame struct {
	kind byte
	body []byte
}

// walkFrames reads frames to the first that is none; whole says that nothing is left.
func walkFrames(b []byte) (all []seenFrame, whole bool) {
	for len(b) > 0 {
		if len(b) < 24 || b[0] != 1 {
			return all, false
		}
		n := int(b[2]) | int(b[3])<<8
		if n < 24 || n > len(b) {
			return all, false
		}
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		sum.Write(b[:4])
		sum.Write(b[8:n])
		if sum.Sum32() != binary.LittleEndian.Uint32(b[4:8]) {
			return all, false
		}
		all = append(all, seenFrame{b[1], b[24:n]})
		b = b[n:]
	}
	return all, true
}

// sealed gives every frame that its length allows the right checksum: a fuzzer does not guess one.
func sealed(b []byte) []byte {
	b = bytes.Clone(b)
	for rest := b; len(rest) >= 24; {
		n := int(rest[2]) | int(rest[3])<<8
		if n < 24 || n > len(rest) {
			break
		}
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		sum.Write(rest[:4])
		sum.Write(rest[8:n])
		binary.LittleEndian.PutUint32(rest[4:8], sum.Sum32())
		rest = rest[n:]
	}
	return b
}

// Whatever a client says: each whole request is answered by one snapshot of what it chose, and the first that is none is
// refused or the end.
func FuzzServerStream(f *testing.F) {
	f.Add(appendSubscribe(nil, nil), true)
	f.Add(appendFrame(appendSubscribe(nil, []int64{1, 2}), frameResend, 0, 0, nil), true)
	f.Add(appendFrame(appendSubscribe(nil, []int64{2}), 77, 0, 0, []byte("x")), false)
	f.Add(append(appendSubscribe(nil, []int64{2}), "GET / HTTP/1.1\r\n"...), false)
	f.Fuzz(func(t *testing.T, said []byte, seal bool) {
		if seal {
			said = sealed(said)
		}
		s := standingServer(t, 1<<30)
		conn := &scripted{in: bytes.NewReader(said)}
		c := newServerClient(s, conn)
		err := c.read(context.Background())

		all, whole := walkFrames(said)
		var ids, want []int64 // want: the instruments of the snapshots, in order
		snapshots, subscribed, refused := 0, false, false
		chosenNow := func(id int64) bool { return len(ids) == 0 || slices.Contains(ids, id) }
		tell := func() {
			snapshots++
			for _, id := range []int64{1, 2} {
				if chosenNow(id) {
					want = append(want, id)
				}
			}
		}
		var gathered []int64
	reading:
		for _, r := range all {
			switch {
			case r.kind == 65 && len(r.body)%8 == 1:
				for i := 1; i < len(r.body); i += 8 {
					gathered = append(gathered, int64(binary.LittleEndian.Uint64(r.body[i:])))
				}
				if r.body[0] == 1 {
					continue
				}
				if slices.ContainsFunc(gathered, func(id int64) bool { return id <= 0 }) {
					refused = true
					break reading
				}
				ids, gathered, subscribed = gathered, nil, true
				tell()
			case r.kind == 66:
				if subscribed {
					tell()
				}
			default:
				refused = true
				break reading
			}
		}
		var got []int64
		ends := 0
		for _, fr := range frames(t, c.buf) {
			switch fr.kind {
			case frameQuote:
				got = append(got, int64(binary.LittleEndian.Uint64(fr.body)))
			case frameSnapEnd:
				ends++
			}
		}
		if ends != snapshots || !slices.Equal(got, want) {
			t.Fatalf("%d snapshots of %v, want %d of %v", ends, got, snapshots, want)
		}
		switch isRefusal := errors.As(err, new(refusal)); {
		case err == nil, refused && !isRefusal, !refused && whole && !errors.Is(err, io.EOF):
			t.Fatalf("refused %v, whole %v: %v", refused, whole, err)
		}
	})
}

// Whatever a server says: the quotes handed on are those of the whole frames, in their order and unchanged, and no more comes
// out than went in.
func FuzzClientStream(f *testing.F) {
	source := append(binary.LittleEndian.AppendUint16(nil, 0), "market"...)
	name := append(binary.LittleEndian.AppendUint64(nil, 7), "AAA"...)
	quote := func(to []byte, seq uint64, flags Flags) []byte {
		q := Quote{InstrumentID: 7, TsNs: 5, Bid: 99, Ask: 101, BidSize: 3, AskSize: 4, Seq: seq, Flags: flags, Kind: KindQuote}
		return appendQuote(to, &q, 6, 0)
	}
	stream := appendFrame(nil, frameSnapBegin, 0, 1, nil)
	stream = appendFrame(appendFrame(stream, frameSource, 0, 1, source), frameName, 0, 1, name)
	stream = appendFrame(quote(stream, 0, FlagSnapshot), frameSnapEnd, 0, 1, nil)
	stream = quote(quote(quote(stream, 1, 0), 2, 0), 5, 0) // a hole
	stream = appendFrame(stream, frameBeat, 9, 2, nil)
	f.Add(stream, true)
	f.Add(appendFrame(bytes.Clone(stream), frameEnd, 5, 2, nil), true)
	f.Add(appendFrame(bytes.Clone(stream), frameRefused, 0, 2, []byte("no")), false)
	f.Fuzz(func(t *testing.T, said []byte, seal bool) {
		if seal {
			said = sealed(said)
		}
		conn := &scripted{in: bytes.NewReader(said)}
		c := NewClient(ClientOptions{})
		c.ctx, c.chosen, c.conn, c.silence = context.Background(), true, conn, time.Hour
		c.in, c.stop = bufio.NewReaderSize(conn, 2*frameMost), func() bool { return true }
		all, _ := walkFrames(said)
		type told struct{ id, ts, bid, ask, last int64 }
		var want, got []told
		for _, r := range all {
			if r.kind == 4 && len(r.body) == 72 && r.body[66] != byte(KindStatus) {
				at := func(i int) int64 { return int64(binary.LittleEndian.Uint64(r.body[8*i:])) }
				want = append(want, told{at(0), at(1), at(2), at(3), at(6)})
			}
		}
		var q Quote
		n := 0
		for c.Next(&q) {
			n++
			if q.Kind != KindStatus {
				got = append(got, told{q.InstrumentID, q.TsNs, q.Bid, q.Ask, q.Last})
			}
			if c.conn == nil && c.waiting == 0 {
				break // the line is lost: the next call would dial
			}
			if n > 2*len(all)+1 {
				t.Fatalf("%d messages of %d frames", n, len(all))
			}
		}
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("handed on %+v, the frames say %+v", got, want)
		}
		if c.ended || c.err != nil {
			return // what follows the end, or a refusal, is not read
		}
		// The line is lost at the first frame that the protocol has not, or that does not fit: no quote before it is missing.
		sources, sound := 0, 0
	sane:
		for _, r := range all {
			switch {
			case r.kind == 4 && len(r.body) == 72 && int(r.body[64])|int(r.body[65])<<8 < sources:
				if r.body[66] != byte(KindStatus) {
					sound++
				}
			case r.kind >= 5 && r.kind <= 8, r.kind == 2 && len(r.body) > 8:
			case r.kind == 3 && len(r.body) >= 2 && int(r.body[0])|int(r.body[1])<<8 == sources:
				sources++
			default:
				break sane
			}
		}
		if len(got) != sound {
			t.Fatalf("%d quotes handed on, %d come before the first frame that does not fit", len(got), sound)
		}
		if len(c.sources) > len(all) || len(c.names) > len(all) {
			t.Fatalf("%d sources and %d names out of %d frames", len(c.sources), len(c.names), len(all))
		}
	})
}
