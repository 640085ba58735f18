// Package journal is an append-only file of records, written in blocks.
//
// A block is the unit of commit: header (magic, length, CRC of the header, CRC of the body, hash of the chain), then
// the body, which holds the block's records, each with its length in front. The hash is SHA-256 over the previous
// block's hash and the body, so no block can be changed, dropped or moved without every later one showing it.
//
// A crash can leave only the last block incomplete. Such a torn tail was never acknowledged to anybody and is
// truncated; damage anywhere before it is an error, because what it covers has left the process.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrBroken is wrapped by every error about a journal that cannot be trusted.
var ErrBroken = errors.New("journal is broken")

const (
	magic      = 0x4a534d4f // "OMSJ" in the file
	headerSize = 48
	maxBody    = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Hash is the chain's value after a block.
type Hash [sha256.Size]byte

// Journal appends records. It is not safe for concurrent use: one goroutine owns it.
type Journal struct {
	f       *os.File
	chain   Hash
	size    int64
	pending [][]byte
	blocks  uint64
	failed  error
}

// Recovered says what Open found.
type Recovered struct {
	Records   [][]byte
	Blocks    uint64
	TornBytes int64 // cut from the end; 0 when the file was whole
}

// Open reads the whole journal at path, cuts a torn tail, and leaves it ready to append. A missing file is an empty
// journal.
func Open(path string) (*Journal, Recovered, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("open the journal: %w", err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, Recovered{}, errors.Join(fmt.Errorf("read the journal %s: %w", path, err), f.Close())
	}
	scan, err := Scan(data)
	if err != nil {
		return nil, Recovered{}, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	torn := int64(len(data)) - scan.Good
	if torn > 0 {
		if err := f.Truncate(scan.Good); err != nil {
			return nil, Recovered{}, errors.Join(fmt.Errorf("cut the torn tail of %s: %w", path, err), f.Close())
		}
	}
	if _, err := f.Seek(scan.Good, io.SeekStart); err != nil {
		return nil, Recovered{}, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return nil, Recovered{}, errors.Join(fmt.Errorf("sync %s: %w", path, err), f.Close())
	}
	j := &Journal{f: f, chain: scan.Chain, size: scan.Good, blocks: scan.Blocks}
	return j, Recovered{Records: scan.Records, Blocks: scan.Blocks, TornBytes: torn}, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Append adds a record to the block that the next Commit writes.
func (j *Journal) Append(record []byte) { j.pending = append(j.pending, record) }

// Pending is the number of records that wait for Commit.
func (j *Journal) Pending() int { return len(j.pending) }

// Commit writes what was appended as one block and waits until it is on the disk. After an error nothing more can be
// written: what is on the disk is no longer known, and only a restart finds out.
func (j *Journal) Commit() error {
	if j.failed != nil {
		return j.failed
	}
	if len(j.pending) == 0 {
		return nil
	}
	block, chain, err := encodeBlock(j.chain, j.pending)
	if err == nil {
		_, err = j.f.Write(block)
	}
	if err == nil {
		err = unix.Fdatasync(int(j.f.Fd()))
	}
	if err != nil {
		j.failed = fmt.Errorf("write the journal: %w", err)
		return j.failed
	}
	j.chain, j.size, j.pending = chain, j.size+int64(len(block)), nil
	j.blocks++
	return nil
}

// Chain is the hash of everything committed.
func (j *Journal) Chain() Hash { return j.chain }

// Blocks is the number of blocks in the file.
func (j *Journal) Blocks() uint64 { return j.blocks }

// Size is the length of the file in bytes.
func (j *Journal) Size() int64 { return j.size }

// Close closes the file; what was appended and not committed is dropped.
func (j *Journal) Close() error { return j.f.Close() }

func chainHash(prev Hash, body []byte) Hash {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(body)
	var out Hash
	copy(out[:], h.Sum(nil))
	return out
}

func encodeBlock(prev Hash, records [][]byte) ([]byte, Hash, error) {
	n := headerSize
	for _, r := range records {
		n += 4 + len(r)
	}
	if n-headerSize > maxBody {
		return nil, prev, fmt.Errorf("a block of %d bytes is over the limit of %d", n-headerSize, maxBody)
	}
	b := make([]byte, headerSize, n)
	for _, r := range records {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r)))
		b = append(b, r...)
	}
	body := b[headerSize:]
	chain := chainHash(prev, body)
	binary.LittleEndian.PutUint32(b[0:], magic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(body, castagnoli))
	copy(b[12:44], chain[:])
	binary.LittleEndian.PutUint32(b[44:], crc32.Checksum(b[:44], castagnoli))
	return b, chain, nil
}

// ScanResult is what Scan read.
type ScanResult struct {
	Records [][]byte
	Chain   Hash
	Blocks  uint64
	Good    int64 // length of the trusted prefix; the rest is a torn tail
}

// Scan reads blocks from the start of data. A torn tail ends it quietly; anything else that is wrong is ErrBroken.
func Scan(data []byte) (ScanResult, error) {
	var res ScanResult
	for {
		rest := data[res.Good:]
		if len(rest) == 0 {
			return res, nil
		}
		if len(rest) < headerSize || allZero(rest) {
			// A header cut short, or space that the file system gave and the crash left unwritten.
			return res, nil
		}
		h := rest[:headerSize]
		if crc32.Checksum(h[:44], castagnoli) != binary.LittleEndian.Uint32(h[44:]) || binary.LittleEndian.Uint32(h) != magic {
			return res, fmt.Errorf("%w: block %d at offset %d has a damaged header; restore the file from a copy",
				ErrBroken, res.Blocks+1, res.Good)
		}
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		if size > int64(len(rest)-headerSize) {
			return res, nil
		}
		body := rest[headerSize : headerSize+size]
		last := size == int64(len(rest)-headerSize) || allZero(rest[headerSize+size:])
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(h[8:]) {
			if last {
				return res, nil
			}
			return res, fmt.Errorf("%w: block %d at offset %d fails its CRC and is not the last; restore the file from a copy",
				ErrBroken, res.Blocks+1, res.Good)
		}
		chain := chainHash(res.Chain, body)
		if !bytes.Equal(chain[:], h[12:44]) {
			return res, fmt.Errorf("%w: block %d at offset %d does not continue the hash chain; restore the file from a copy",
				ErrBroken, res.Blocks+1, res.Good)
		}
		for off := int64(0); off < size; {
			if size-off < 4 {
				return res, fmt.Errorf("%w: block %d at offset %d holds half a record", ErrBroken, res.Blocks+1, res.Good)
			}
			n := int64(binary.LittleEndian.Uint32(body[off:]))
			if n > size-off-4 {
				return res, fmt.Errorf("%w: block %d at offset %d holds a record of %d bytes that does not fit",
					ErrBroken, res.Blocks+1, res.Good, n)
			}
			res.Records = append(res.Records, body[off+4:off+4+n])
			off += 4 + n
		}
		res.Chain = chain
		res.Blocks++
		res.Good += headerSize + size
	}
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
