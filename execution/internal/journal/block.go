// Package journal is an append-only log of records in a directory, written in blocks.
//
// A block is the unit of commit: a header (magic, length, CRC of the body, hash of the chain, how far the file is known
// to be on the disk, CRC of the header), then the body, which holds the block's records, each with its length in front.
// The hash is SHA-256 over the previous block's hash and the body, so no block can be changed, dropped or moved without
// every later one showing it.
//
// The directory holds segments, NNNNNN.log, and before every segment but the first a snapshot, NNNNNN.snap: what the
// owner's state was where the segment begins, with the chain's hash there. A start reads the last snapshot and the
// segment after it, whatever came before.
//
// A written block survives the process (kill -9 included) at once, and a power cut once the background has synced it:
// Durable says how far that is. What a power cut leaves of blocks that were not synced is cut off at the next start with
// a count; damage before that is an error, because what it covers may have left the process.
package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrBroken is wrapped by every error about a journal that cannot be trusted.
var ErrBroken = errors.New("journal is broken")

const (
	magic      = 0x4b534d4f // "OMSK" in the file
	headerSize = 56
	maxBody    = 64 << 20
)

// Offsets in a header.
const (
	atMagic  = 0
	atLength = 4
	atBody   = 8
	atChain  = 12
	atSynced = 44
	atHeader = 52
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Hash is the chain's value after a block.
type Hash [sha256.Size]byte

func chainHash(prev Hash, body []byte) Hash {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(body)
	var out Hash
	h.Sum(out[:0])
	return out
}

// appendRecord adds a record to a block under construction, whose first headerSize bytes are kept free.
func appendRecord(block, record []byte) []byte {
	if len(block) == 0 {
		block = append(block, make([]byte, headerSize)...)
	}
	block = binary.LittleEndian.AppendUint32(block, uint32(len(record)))
	return append(block, record...)
}

// sealBlock fills in the header; synced is how many bytes of the segment are known to be on the disk.
func sealBlock(block []byte, prev Hash, synced int64) (Hash, error) {
	body := block[headerSize:]
	if len(body) > maxBody {
		return prev, fmt.Errorf("a block of %d bytes is over the limit of %d", len(body), maxBody)
	}
	chain := chainHash(prev, body)
	binary.LittleEndian.PutUint32(block[atMagic:], magic)
	binary.LittleEndian.PutUint32(block[atLength:], uint32(len(body)))
	binary.LittleEndian.PutUint32(block[atBody:], crc32.Checksum(body, castagnoli))
	copy(block[atChain:atSynced], chain[:])
	binary.LittleEndian.PutUint64(block[atSynced:], uint64(synced))
	binary.LittleEndian.PutUint32(block[atHeader:], crc32.Checksum(block[:atHeader], castagnoli))
	return chain, nil
}

// header is a block's first bytes, checked.
type header struct {
	size   int64 // of the body
	crc    uint32
	chain  Hash
	synced int64
}

// readHeader is false when the bytes are not a whole header.
func readHeader(b []byte) (header, bool) {
	if len(b) < headerSize || binary.LittleEndian.Uint32(b[atMagic:]) != magic ||
		crc32.Checksum(b[:atHeader], castagnoli) != binary.LittleEndian.Uint32(b[atHeader:]) {
		return header{}, false
	}
	h := header{
		size: int64(binary.LittleEndian.Uint32(b[atLength:])), crc: binary.LittleEndian.Uint32(b[atBody:]),
		synced: int64(binary.LittleEndian.Uint64(b[atSynced:])),
	}
	copy(h.chain[:], b[atChain:atSynced])
	return h, h.size <= maxBody
}

// splitBody takes a body apart into its records; false when it is not whole records.
func splitBody(body []byte, out [][]byte) ([][]byte, bool) {
	for len(body) > 0 {
		if len(body) < 4 {
			return out, false
		}
		n := int64(binary.LittleEndian.Uint32(body))
		if n > int64(len(body)-4) {
			return out, false
		}
		out = append(out, body[4:4+n])
		body = body[4+n:]
	}
	return out, true
}
