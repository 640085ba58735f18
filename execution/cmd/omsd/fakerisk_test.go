package main

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"os"
	"sync"
	"testing"
)

// fakeRisk stands in for riskd. It shares no code with omsd: bytes are laid out here from docs/contracts.md.
// It keeps its orders across connections, as riskd's journal does.
type fakeRisk struct {
	t    *testing.T
	path string
	ln   net.Listener

	mu        sync.Mutex
	conn      net.Conn
	seqOut    uint64
	session   uint32
	region    string
	refHash   [8]byte
	clock     int64
	cash      int64
	state     byte // trading state
	venueUp   byte
	sessState byte
	positions map[int64]int64
	prices    map[int64][3]int64
	orders    map[uint64]*fakeOrder
	own       []*fakeOrder // riskd's own, which close positions
	last      uint64
	received  []receivedOrder
	cancels   []uint64
	kills     int
	beats     int
	hellos    int
	syncs     int      // on this connection
	faults    []string // what the contract forbids
	execs     uint64

	decide   func(o *fakeOrder) (decision byte, approved int64, reason uint16)
	fills    func(o *fakeOrder) []int64 // quantities, at once
	onOrder  func(n int) bool           // true: break the connection now
	execMode string                     // "", "duplicate", "reorder"
	hold     bool                       // answer nothing to NEW_ORDER
	muteSync bool
	charges  bool // fees are taken off the cash; not taken, the numbers of the tests stay round
	held     [][]byte
}

type fakeOrder struct {
	id, instrument uint64
	qty, px        int64
	side           byte
	content        [72]byte // bytes 24..96 of the frame
	decision       byte
	approved       int64
	reason         uint16
	cum            int64
	told           []func(replayed byte) []byte // every report
}

type receivedOrder struct {
	id      uint64
	content [72]byte
}

type field struct {
	off, size int
	v         uint64
}

func f64(off int, v int64) field  { return field{off, 8, uint64(v)} }
func u64(off int, v uint64) field { return field{off, 8, v} }
func f32(off int, v uint32) field { return field{off, 4, uint64(v)} }
func f16(off int, v uint16) field { return field{off, 2, uint64(v)} }
func f8(off int, v byte) field    { return field{off, 1, uint64(v)} }

// lay makes a frame without sequence and CRC.
func lay(kind byte, fields ...field) []byte {
	b := make([]byte, 128)
	b[0], b[1] = 1, kind
	for _, f := range fields {
		for i := 0; i < f.size; i++ {
			b[f.off+i] = byte(f.v >> (8 * i))
		}
	}
	return b
}

func startFakeRisk(t *testing.T, path string, reference []byte) *fakeRisk {
	t.Helper()
	sum := sha256.Sum256(reference)
	r := &fakeRisk{
		t: t, path: path, session: 20240105, region: "US", clock: 1704465000_000000000, cash: 1_000_000_000_000,
		state: 1, venueUp: 1, sessState: 2, positions: map[int64]int64{}, prices: map[int64][3]int64{}, orders: map[uint64]*fakeOrder{},
	}
	copy(r.refHash[:], sum[:8])
	r.decide = func(o *fakeOrder) (byte, int64, uint16) { return 1, o.qty, 0 }
	r.fills = func(o *fakeOrder) []int64 {
		if o.approved < 2 {
			return []int64{o.approved}
		}
		return []int64{o.approved / 2, o.approved - o.approved/2}
	}
	t.Cleanup(r.close)
	return r
}

// listen starts it; what a test sets before needs no lock.
func (r *fakeRisk) listen() {
	r.t.Helper()
	_ = os.Remove(r.path)
	ln, err := net.Listen("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ln = ln
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
}

func (r *fakeRisk) close() {
	if r.ln == nil {
		return
	}
	_ = r.ln.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		_ = r.conn.Close()
	}
}

// breakConn drops the connection; omsd is expected to come back.
func (r *fakeRisk) breakConn() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

func (r *fakeRisk) fault(what string) { r.faults = append(r.faults, what) }

// sealOf is a frame's CRC: every byte but the CRC's own.
func sealOf(b []byte) uint32 {
	return crc32.ChecksumIEEE(append(append([]byte(nil), b[:4]...), b[8:]...))
}

// send is called with the lock held.
func (r *fakeRisk) send(b []byte) {
	if r.conn == nil {
		return
	}
	r.seqOut++
	r.clock += 1_000_000
	c := append([]byte(nil), b...)
	binary.LittleEndian.PutUint64(c[8:], r.seqOut)
	binary.LittleEndian.PutUint64(c[16:], uint64(r.clock))
	binary.LittleEndian.PutUint32(c[4:], sealOf(c))
	if _, err := r.conn.Write(c); err != nil {
		r.conn = nil
	}
}

func (r *fakeRisk) serve(c net.Conn) {
	var seq uint64
	for {
		b := make([]byte, 128)
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		seq++
		r.mu.Lock()
		if got := binary.LittleEndian.Uint64(b[8:]); got != seq || b[0] != 1 || sealOf(b) != binary.LittleEndian.Uint32(b[4:]) {
			r.fault("a frame with a wrong header")
		}
		if b[1] == 1 {
			r.hellos++
			r.conn, r.seqOut, r.syncs = c, 0, 0
			w := lay(64, f32(24, r.session), f8(28, r.state), f8(29, r.venueUp), u64(32, r.last), u64(40, 0x1122334455667788))
			copy(w[48:56], r.refHash[:])
			copy(w[56:64], r.region)
			r.send(w)
		} else if r.conn == c {
			r.handle(b)
		}
		r.mu.Unlock()
	}
}

func (r *fakeRisk) sendState() {
	equity := r.cash
	for id, q := range r.positions {
		equity += q * r.prices[id][2]
	}
	r.send(lay(67, f8(24, r.state), f8(25, r.venueUp), f8(26, r.sessState), f32(28, r.session), f64(32, equity), f64(40, 1_000_000_000_000), f64(48, r.cash)))
}

func (r *fakeRisk) sendPosition(id int64) {
	r.send(lay(68, u64(24, uint64(id)), f64(32, r.positions[id]), f64(40, r.prices[id][2])))
}

func (r *fakeRisk) handle(b []byte) {
	switch b[1] {
	case 5:
		r.syncs++
		if r.muteSync {
			return
		}
		for id := uint64(1); id <= r.last; id++ {
			if o := r.orders[id]; o != nil {
				r.repeat(o)
			}
		}
		for _, o := range r.own {
			r.repeat(o)
		}
		for id := range r.positions {
			r.sendPosition(id)
		}
		for id, p := range r.prices {
			r.send(lay(69, u64(24, uint64(id)), f64(32, p[0]), f64(40, p[1]), f64(48, p[2]), f64(56, r.clock)))
		}
		r.sendState()
		end := lay(70, f32(32, uint32(len(r.orders))), f32(36, uint32(len(r.positions))), f32(40, uint32(len(r.prices))))
		copy(end[24:32], b[24:32])
		r.send(end)
	case 2:
		r.newOrder(b)
	case 3:
		id := binary.LittleEndian.Uint64(b[24:])
		r.cancels = append(r.cancels, id)
		o := r.orders[id]
		if o == nil || o.decision > 2 {
			r.send(lay(71, u64(24, id), f16(32, 44)))
			return
		}
		if o.cum < o.approved {
			r.exec(o, 4, 0, 42)
		}
	case 7:
		r.beats++
	case 4:
		r.kills++
		r.state = 4
		r.sendState()
	default:
		r.fault("a frame of a kind that omsd does not send")
	}
}

func (r *fakeRisk) repeat(o *fakeOrder) {
	r.send(r.decisionFrame(o))
	for _, exec := range o.told {
		r.send(exec(1))
	}
}

func (r *fakeRisk) decisionFrame(o *fakeOrder) []byte {
	d := lay(65, u64(24, o.id), u64(32, o.instrument), f64(40, o.qty), f64(48, o.approved), u64(56, 0x1122334455667788),
		f8(80, o.decision), f16(82, o.reason), f64(88, r.prices[int64(o.instrument)][2]), f64(96, r.cash))
	copy(d[64:80], o.content[40:56])
	return d
}

func (r *fakeRisk) newOrder(b []byte) {
	o := &fakeOrder{
		id: binary.LittleEndian.Uint64(b[24:]), instrument: binary.LittleEndian.Uint64(b[32:]),
		qty: int64(binary.LittleEndian.Uint64(b[40:])), px: int64(binary.LittleEndian.Uint64(b[48:])), side: b[80],
	}
	copy(o.content[:], b[24:96])
	r.received = append(r.received, receivedOrder{o.id, o.content})
	if r.onOrder != nil && r.onOrder(len(r.received)) {
		r.breakConn()
		return
	}
	if o.id <= r.last {
		old := r.orders[o.id]
		if old != nil && old.content == o.content {
			r.repeat(old)
			return
		}
		r.fault("an id at or below the last one taken with other content")
		o.decision, o.reason = 3, 26
		r.send(r.decisionFrame(o))
		return
	}
	r.last = o.id
	r.orders[o.id] = o
	o.decision, o.approved, o.reason = r.decide(o)
	if r.hold {
		return
	}
	r.send(r.decisionFrame(o))
	if o.decision > 2 {
		return
	}
	r.fill(o)
}

// fill acknowledges and fills what r.fills says, in the order that the mode asks for.
func (r *fakeRisk) fill(o *fakeOrder) {
	r.exec(o, 0, 0, 0)
	for _, q := range r.fills(o) {
		typ := byte(1)
		if o.cum+q == o.approved {
			typ = 2
		}
		r.exec(o, typ, q, 0)
	}
	if r.execMode == "reorder" {
		for i := len(r.held) - 1; i >= 0; i-- {
			r.send(r.held[i])
		}
		r.held = nil
	}
	r.sendPosition(int64(o.instrument))
	r.sendState()
}

func (r *fakeRisk) exec(o *fakeOrder, typ byte, qty int64, reason uint16) {
	sign := int64(1)
	if o.side == 2 {
		sign = -1
	}
	px := r.prices[int64(o.instrument)][2]
	o.cum += qty
	r.execs++
	r.positions[int64(o.instrument)] += sign * qty
	r.cash -= sign * qty * px
	if r.charges {
		r.cash -= qty * 1000
	}
	execID, cum, leaves, quote := r.execs, o.cum, o.approved-o.cum, r.prices[int64(o.instrument)]
	exec := func(replayed byte) []byte {
		return lay(66, u64(24, o.id), u64(32, o.instrument), f64(40, qty), f64(48, px), f64(56, cum), f64(64, leaves), f64(72, qty*1000),
			u64(80, execID), f8(88, typ), f8(89, o.side), f16(90, reason), f8(92, replayed), f64(96, quote[0]), f64(104, quote[1]))
	}
	o.told = append(o.told, exec)
	frame := exec(0)
	switch r.execMode {
	case "duplicate":
		r.send(frame)
		r.send(frame)
	case "reorder":
		r.held = append(r.held, frame)
		return
	}
	r.send(frame)
}

func (r *fakeRisk) setReference(data []byte) {
	sum := sha256.Sum256(data)
	copy(r.refHash[:], sum[:8])
}
