package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"
)

// A snapshot's file is read as it was written or refused, also one whose checksum was made to fit.
func FuzzSnapshot(f *testing.F) {
	f.Add(encodeSnapshot(Snapshot{}))
	f.Add(encodeSnapshot(Snapshot{Chain: Hash{1, 2, 3}, Records: 7, State: []byte(`{"region":"US"}`)}))
	long := encodeSnapshot(Snapshot{State: []byte("abc")})
	binary.LittleEndian.PutUint64(long[12+sha256.Size:], 1<<63) // a length that lies
	f.Add(long)
	f.Fuzz(func(t *testing.T, data []byte) {
		signed := data
		if len(data) >= sha256.Size {
			body := data[:len(data)-sha256.Size]
			sum := sha256.Sum256(body)
			signed = append(bytes.Clone(body), sum[:]...)
		}
		for _, in := range [][]byte{data, signed} {
			s, err := parseSnapshot(in)
			switch {
			case err != nil && !errors.Is(err, ErrBroken):
				t.Fatal(err)
			case err == nil && !bytes.Equal(encodeSnapshot(s), in):
				t.Fatalf("%x was read as %+v", in, s)
			}
		}
	})
}

// A block whose checksums and hash are right holds the records that its body is made of, to the byte, or is refused;
// what precedes a block that does not fit is kept.
func FuzzBlock(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 'a', 2, 0, 0, 0, 'b', 'c'}, int64(0))
	f.Add([]byte{255, 255, 255, 255}, int64(1)<<62)
	f.Add([]byte{}, int64(-1))
	f.Fuzz(func(t *testing.T, body []byte, synced int64) {
		block := append(make([]byte, headerSize), body...)
		chain, err := sealBlock(block, Hash{}, synced)
		if err != nil {
			t.Fatal(err)
		}
		first := appendRecord(nil, []byte("first"))
		end, err := sealBlock(first, Hash{9}, 0)
		if err != nil {
			t.Fatal(err)
		}
		scan, err := Scan(Hash{}, block)
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatal(err)
			}
			return
		}
		var again []byte
		for _, r := range scan.Records {
			again = append(binary.LittleEndian.AppendUint32(again, uint32(len(r))), r...)
		}
		if scan.Good != int64(len(block)) || scan.Chain != chain || !bytes.Equal(again, body) {
			t.Fatalf("%d of %d bytes, records %q of body %x", scan.Good, len(block), scan.Records, body)
		}
		// Behind a block that it does not follow, it is no part of the chain.
		scan, err = Scan(Hash{9}, append(bytes.Clone(first), block...))
		if !errors.Is(err, ErrBroken) || len(scan.Records) != 1 || scan.Chain != end {
			t.Fatalf("%d records and %v of a block out of its place", len(scan.Records), err)
		}
	})
}
