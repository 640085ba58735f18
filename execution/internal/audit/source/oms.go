package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"

	"dnalyaw/execution/internal/audit"
)

// omsd's journal: segments NNNNNN.log of blocks. A block is a header of 56 bytes and a body of records, each with its
// length (u32) in front. All numbers are little endian.
//
//	0 u32 magic "OMSK" · 4 u32 length of the body · 8 u32 CRC-32C of the body · 12 SHA-256(chain before, body)
//	44 u64 bytes of the segment known to be on the disk · 52 u32 CRC-32C of what stands before
//
// NNNNNN.snap, before every segment but the first, begins with "OMSS", the chain (32 bytes) and the number of records (u64)
// up to it, and ends with SHA-256 over everything before.
const (
	omsMagic     = 0x4b534d4f
	omsSnapMagic = 0x53534d4f
	omsHeader    = 56
	omsMaxBody   = 64 << 20
	omsSnapHead  = 44
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type omsCursor struct {
	names
	segment int
	f       *os.File
	off     int64 // one past the last whole block
	blocks  int   // in this segment
	chain   [sha256.Size]byte
	told    int64 // the largest "on the disk" of the segment's headers
	reach   reach
}

// NewOMS follows the journal in omsd's directory (NNNNNN.log). A directory that is not there is an empty journal.
func NewOMS(dir string) *Follower {
	return follow(func() cursor { return &omsCursor{names: names{dir, 6, ".log"}, segment: 1} })
}

func (c *omsCursor) advance() ([]record, error) {
	for {
		if c.f == nil {
			f, err := c.open(c.segment)
			if err == nil && f == nil {
				err = c.missing(c.segment)
			}
			if err != nil || f == nil {
				return nil, err
			}
			c.f = f
		}
		// Looked for before the read: once there is a next segment, nothing is added to this one.
		next, err := c.open(c.segment + 1)
		if err != nil {
			return nil, err
		}
		before := c.off
		records, left, err := c.blocksAhead()
		if err != nil || c.off > before || next == nil {
			return records, errors.Join(err, closeFile(next))
		}
		if left > 0 {
			return nil, errors.Join(c.broken("is damaged, and a later segment follows"), next.Close())
		}
		if err := c.f.Close(); err != nil {
			return nil, errors.Join(err, next.Close())
		}
		c.f, c.segment, c.off, c.blocks, c.told = next, c.segment+1, 0, 0, 0
	}
}

// blocksAhead reads the whole blocks that follow, and how many bytes stand behind them.
func (c *omsCursor) blocksAhead() ([]record, int, error) {
	data, err := readAt(c.f, c.off, omsHeader)
	if err != nil || len(data) == 0 {
		return nil, 0, err
	}
	h, ok := readOMSHeader(data)
	if !ok {
		return nil, len(data), nil
	}
	size, begin := c.reach.size(omsHeader+h.size), c.off
	if data, err = readAt(c.f, c.off, size); err != nil {
		return nil, 0, err
	}
	defer func() { c.reach.used(size, int(c.off-begin)) }()
	var records []record
	for len(data) > 0 {
		h, ok := readOMSHeader(data)
		if !ok || len(data) < omsHeader+h.size {
			break
		}
		body := data[omsHeader : omsHeader+h.size]
		if crc32.Checksum(body, castagnoli) != h.crc {
			break
		}
		if chain := link(c.chain, body); chain != h.chain {
			// Both checksums are right: this is no write under way.
			return records, 0, c.broken("does not continue the hash chain")
		}
		end := c.off + int64(omsHeader+h.size)
		if records, ok = splitOMSBody(records, body, c.segment, end); !ok {
			return records, 0, c.broken("holds a record that does not fit")
		}
		c.chain, c.off, c.told = h.chain, end, max(c.told, h.synced)
		c.blocks++
		data = data[omsHeader+h.size:]
	}
	return records, len(data), nil
}

func (c *omsCursor) durable() (int, int64, error) { return c.segment, c.told, nil }

func (c *omsCursor) sync(from int) error { return c.names.sync(from, c.segment) }

// unfinished looks for a whole later header that says the disk had the file beyond the end: then the end was whole once.
func (c *omsCursor) unfinished() (bool, error) {
	if c.f == nil {
		return false, nil
	}
	if err := c.missing(c.segment + 1); err != nil {
		return true, err
	}
	data, err := readFrom(c.f, c.off)
	if err != nil || len(data) == 0 {
		return false, err
	}
	mark := binary.LittleEndian.AppendUint32(nil, omsMagic)
	for from := 1; from < len(data); from++ {
		i := bytes.Index(data[from:], mark)
		if i < 0 {
			break
		}
		from += i
		if h, ok := readOMSHeader(data[from:]); ok && h.synced > c.off {
			return true, c.broken("is damaged, and the disk had it whole")
		}
	}
	return true, nil
}

func (c *omsCursor) seek(records uint64) (uint64, error) {
	newest, err := c.newest()
	if err != nil {
		return 0, err
	}
	for segment := newest; segment > 1; segment-- {
		before, chain, ok, err := c.snapshot(segment)
		if err != nil {
			return 0, err
		}
		if ok && before <= records {
			c.segment, c.chain = segment, chain
			return before, nil
		}
	}
	return 0, nil
}

// snapshot reads how many records stand before a segment, and their chain; false when it is not there or is damaged, which
// costs only time.
func (c *omsCursor) snapshot(segment int) (before uint64, chain [sha256.Size]byte, ok bool, err error) {
	path := c.path(segment)
	data, err := os.ReadFile(path[:len(path)-len(c.ext)] + ".snap")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, chain, false, nil
	}
	if err != nil {
		return 0, chain, false, err
	}
	end := len(data) - sha256.Size
	if end < omsSnapHead || binary.LittleEndian.Uint32(data) != omsSnapMagic || sha256.Sum256(data[:end]) != [sha256.Size]byte(data[end:]) {
		return 0, chain, false, nil
	}
	copy(chain[:], data[4:])
	return binary.LittleEndian.Uint64(data[36:]), chain, true, nil
}

func (c *omsCursor) close() error { return closeFile(c.f) }

func (c *omsCursor) broken(how string) error {
	return fmt.Errorf("%w: %s: block %d at offset %d %s; restore the file from a copy",
		audit.ErrBroken, c.path(c.segment), c.blocks+1, c.off, how)
}

type omsBlock struct {
	size   int
	crc    uint32
	chain  [sha256.Size]byte
	synced int64
}

func readOMSHeader(b []byte) (omsBlock, bool) {
	if len(b) < omsHeader || binary.LittleEndian.Uint32(b) != omsMagic ||
		crc32.Checksum(b[:52], castagnoli) != binary.LittleEndian.Uint32(b[52:]) {
		return omsBlock{}, false
	}
	h := omsBlock{
		size: int(binary.LittleEndian.Uint32(b[4:])), crc: binary.LittleEndian.Uint32(b[8:]),
		synced: int64(binary.LittleEndian.Uint64(b[44:])),
	}
	copy(h.chain[:], b[12:])
	return h, h.size <= omsMaxBody
}

func splitOMSBody(out []record, body []byte, segment int, end int64) ([]record, bool) {
	for len(body) > 0 {
		if len(body) < 4 {
			return out, false
		}
		n := int(binary.LittleEndian.Uint32(body))
		if n > len(body)-4 {
			return out, false
		}
		out = append(out, record{segment, end, body[4 : 4+n : 4+n]})
		body = body[4+n:]
	}
	return out, true
}

// link is SHA-256(chain before, bytes).
func link(prev [sha256.Size]byte, b []byte) (out [sha256.Size]byte) {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(b)
	h.Sum(out[:0])
	return out
}
