package source

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"dnalyaw/execution/internal/audit"
)

// riskd's journal (docs/riskd.md, risk_native/gateway/src/journal/format.rs): segments NNNNNNNN.seg of fixed length, made
// ahead of need. All numbers are little endian.
//
//	header   0 magic "DNRJ0002" · 8 u64 number · 16 u64 records before · 24 chain before · 56 u32 length of the file ·
//	         60 u32 CRC-32 of what stands before · 64 u32 bytes on the disk · 68 u32 CRC-32 of (number, those bytes)
//	record   u32 length of the payload · u32 CRC-32 of payload and chain · payload (JSON) · SHA-256(chain before, payload)
//
// Records begin at 4096; zeros follow the last.
const (
	riskMagic   = "DNRJ0002"
	riskPage    = 4096
	riskHead    = 8
	riskMaxBody = 1 << 20
)

type riskCursor struct {
	names
	segment int
	f       *os.File
	off     int64
	count   uint64 // records before off, all segments
	chain   [sha256.Size]byte
	reach   reach
}

// NewRisk follows the journal in riskd's directory (NNNNNNNN.seg). A directory that is not there is an empty journal.
func NewRisk(dir string) *Follower {
	return follow(func() cursor { return &riskCursor{names: names{dir, 8, ".seg"}, segment: 1} })
}

func (c *riskCursor) advance() ([]record, error) {
	for {
		if c.f == nil {
			h, f, err := c.begun(c.segment)
			if err != nil || f == nil {
				return nil, err
			}
			c.f, c.off, c.count, c.chain = f, riskPage, h.before, h.chain
		}
		// Looked for before the read: once the next is begun, nothing is added to this one.
		h, next, err := c.begun(c.segment + 1)
		if err != nil {
			return nil, err
		}
		records, err := c.recordsAhead()
		if err != nil || len(records) > 0 || next == nil {
			return records, errors.Join(err, closeFile(next))
		}
		if err := c.joins(h); err != nil {
			return nil, errors.Join(err, next.Close())
		}
		if err := c.f.Close(); err != nil {
			return nil, errors.Join(err, next.Close())
		}
		c.f, c.segment, c.off = next, c.segment+1, riskPage
	}
}

// begun opens a segment that riskd has begun; one that was only made ahead of need is as if it were not there.
func (c *riskCursor) begun(segment int) (riskHeader, *os.File, error) {
	f, err := c.open(segment)
	if err == nil && f == nil && segment == 1 {
		err = c.missing(segment)
	}
	if err != nil || f == nil {
		return riskHeader{}, nil, err
	}
	page, err := readAt(f, 0, riskPage)
	if err != nil {
		return riskHeader{}, nil, errors.Join(err, f.Close())
	}
	h, ok := readRiskHeader(page)
	if !ok || h.number != uint64(segment) {
		return riskHeader{}, nil, f.Close()
	}
	return h, f, nil
}

// joins checks that the next segment goes on where this one ends.
func (c *riskCursor) joins(next riskHeader) error {
	there, err := c.unfinished()
	if err != nil {
		return err
	}
	if there {
		return c.broken("does not verify, and another segment follows")
	}
	if next.before != c.count || next.chain != c.chain {
		return fmt.Errorf("%w: %s does not go on where the segment before it ends, at record %d; restore the files from a copy",
			audit.ErrBroken, c.path(c.segment+1), c.count)
	}
	return nil
}

func (c *riskCursor) recordsAhead() ([]record, error) {
	// Most looks find nothing: one that reads only a length is cheap.
	data, err := readAt(c.f, c.off, riskHead)
	if err != nil || len(data) < riskHead || binary.LittleEndian.Uint32(data) == 0 {
		return nil, err
	}
	first := min(int(binary.LittleEndian.Uint32(data)), riskMaxBody)
	size, begin := c.reach.size(riskHead+first+sha256.Size), c.off
	if data, err = readAt(c.f, c.off, size); err != nil {
		return nil, err
	}
	defer func() { c.reach.used(size, int(c.off-begin)) }()
	var records []record
	for {
		body, own, ok := wholeRecord(data)
		if !ok {
			return records, nil
		}
		if link(c.chain, body) != own {
			return records, c.broken("does not follow from the record before")
		}
		size := riskHead + len(body) + sha256.Size
		c.chain, c.off = own, c.off+int64(size)
		c.count++
		records = append(records, record{c.segment, c.off, body})
		data = data[size:]
	}
}

func (c *riskCursor) durable() (int, int64, error) {
	if c.f == nil {
		return c.segment, 0, nil
	}
	page, err := readAt(c.f, 0, riskPage)
	if err != nil {
		return 0, 0, err
	}
	end := readSynced(page, uint64(c.segment))
	if end == 0 {
		// Not even its head: the segment before may be on its way to the disk too.
		return 0, 0, nil
	}
	return c.segment, int64(end), nil
}

func (c *riskCursor) sync(from int) error { return c.names.sync(from, c.segment) }

// unfinished says whether anything but zeros stands behind the last record. It is damage when the disk had it whole, or
// when a whole record follows: a killed process was storing one record.
func (c *riskCursor) unfinished() (bool, error) {
	if c.f == nil {
		return false, nil
	}
	if err := c.missing(c.segment + 1); err != nil {
		return true, err
	}
	data, err := readFrom(c.f, c.off)
	if err != nil {
		return false, err
	}
	page, err := readAt(c.f, 0, riskPage)
	if err != nil {
		return false, err
	}
	if int64(readSynced(page, uint64(c.segment))) > c.off {
		return true, c.broken("does not verify, and the disk had it whole")
	}
	torn := len(data)
	for torn > 0 && data[torn-1] == 0 {
		torn--
	}
	for i := 1; i < torn; i++ {
		if _, _, ok := wholeRecord(data[i:]); ok {
			return true, c.broken("does not verify, and whole records follow")
		}
	}
	return torn > 0, nil
}

func (c *riskCursor) seek(records uint64) (uint64, error) {
	newest, err := c.newest()
	if err != nil {
		return 0, err
	}
	for segment := newest; segment > 1; segment-- {
		// The newest may only be made ahead of need.
		h, f, err := c.begun(segment)
		if err != nil {
			return 0, err
		}
		if f != nil && h.before <= records {
			c.f, c.segment, c.off, c.count, c.chain = f, segment, riskPage, h.before, h.chain
			return h.before, nil
		}
		if err := closeFile(f); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (c *riskCursor) close() error { return closeFile(c.f) }

func (c *riskCursor) broken(how string) error {
	return fmt.Errorf("%w: %s: record %d at offset %d %s; restore the file from a copy",
		audit.ErrBroken, c.path(c.segment), c.count+1, c.off, how)
}

type riskHeader struct {
	number, before uint64
	chain          [sha256.Size]byte
}

func readRiskHeader(b []byte) (riskHeader, bool) {
	if len(b) < 64 || string(b[:8]) != riskMagic || crc32.ChecksumIEEE(b[:60]) != binary.LittleEndian.Uint32(b[60:]) {
		return riskHeader{}, false
	}
	h := riskHeader{number: binary.LittleEndian.Uint64(b[8:]), before: binary.LittleEndian.Uint64(b[16:])}
	copy(h.chain[:], b[24:56])
	return h, true
}

// readSynced is up to where the disk has the segment; 0 when it was never said, or what was said does not verify.
func readSynced(b []byte, number uint64) uint32 {
	if len(b) < 72 {
		return 0
	}
	end := binary.LittleEndian.Uint32(b[64:])
	check := binary.LittleEndian.AppendUint64(nil, number)
	check = binary.LittleEndian.AppendUint32(check, end)
	if crc32.ChecksumIEEE(check) != binary.LittleEndian.Uint32(b[68:]) {
		return 0
	}
	return end
}

// wholeRecord is the payload and chain of the record that b begins with.
func wholeRecord(b []byte) (body []byte, own [sha256.Size]byte, ok bool) {
	if len(b) < riskHead {
		return nil, own, false
	}
	n := int(binary.LittleEndian.Uint32(b))
	end := riskHead + n + sha256.Size
	if n == 0 || n > riskMaxBody || end > len(b) || b[riskHead] != '{' {
		return nil, own, false
	}
	if crc32.ChecksumIEEE(b[riskHead:end]) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, own, false
	}
	copy(own[:], b[end-sha256.Size:end])
	return b[riskHead : riskHead+n : riskHead+n], own, true
}
