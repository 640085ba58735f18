package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// ScanResult is what Scan read of a segment.
type ScanResult struct {
	Records [][]byte
	Chain   Hash // after the last good block
	Blocks  uint64
	Good    int64 // length of the trusted prefix; the rest was never known to be on the disk
}

// Scan reads the blocks of a segment whose chain begins at prev. A tail that was never known to be on the disk ends it
// quietly where it is damaged; damage before that is ErrBroken.
func Scan(prev Hash, data []byte) (ScanResult, error) {
	res := ScanResult{Chain: prev}
	for {
		rest := data[res.Good:]
		if len(rest) == 0 {
			return res, nil
		}
		h, whole := readHeader(rest)
		if !whole {
			return res, res.damaged(data, "a damaged header")
		}
		if h.size > int64(len(rest)-headerSize) {
			return res, res.damaged(data, "less than its length")
		}
		end := headerSize + h.size
		body := rest[headerSize:end]
		if crc32.Checksum(body, castagnoli) != h.crc {
			return res, res.damaged(data, "a body that fails its CRC")
		}
		if chain := chainHash(res.Chain, body); chain != h.chain {
			// Both checksums are right: this is no remnant of a power cut.
			return res, res.broken("does not continue the hash chain")
		}
		records, ok := splitBody(body, res.Records)
		if !ok {
			return res, res.broken("holds a record that does not fit")
		}
		res.Records, res.Chain = records, h.chain
		res.Blocks++
		res.Good += end
	}
}

func (res *ScanResult) broken(how string) error {
	return fmt.Errorf("%w: block %d at offset %d %s; restore the file from a copy", ErrBroken, res.Blocks+1, res.Good, how)
}

// damaged decides about a damaged block at the end of the good ones: a later block that says the file was on the disk
// beyond it proves that it was whole once, so it was changed.
func (res *ScanResult) damaged(data []byte, how string) error {
	at := res.Good
	var mark [4]byte
	binary.LittleEndian.PutUint32(mark[:], magic)
	// The damage may be in the length, so every whole header after it is looked for.
	for from := min(at+1, int64(len(data))); ; {
		i := bytes.Index(data[from:], mark[:])
		if i < 0 {
			return nil
		}
		from += int64(i)
		if h, ok := readHeader(data[from:]); ok && h.synced > at {
			return res.broken(fmt.Sprintf("has %s, and was on the disk whole", how))
		}
		from++
	}
}
