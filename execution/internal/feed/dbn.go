package feed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// DBN reads files in the Databento Binary Encoding, version 3, plain or compressed with Zstandard: the schemas trades,
// tbbo, mbp-1, bbo-1s and bbo-1m. A tbbo record is a trade and the book just before it: it gives the quote, then the
// trade. An mbp-1 record gives the book after it or, when it is a trade, the trade alone: that leaves the book as it
// was. A bbo record gives the book at the end of its interval. Halts of a status record are told; other records are
// left out and counted.
//
// The numbers of these records are the exchange's and have holes in any selection, so Seq is 0.
type DBN struct {
	path    string
	ids     func(symbol string, raw uint32) int64
	closers []func() error
	in      *bufio.Reader
	meta    dbnMetadata
	named   map[uint32]int64 // the id last found for a raw id, with
	until   map[uint32]int64 // the moment up to which it holds
	names   map[int64]string
	want    choice
	pending Quote
	held    bool
	at      int64 // bytes read after the metadata
	skipped int
	err     error
}

// Limits of what is read: a damaged length must not take the memory.
const (
	dbnMaxMetadata = 64 << 20
	dbnMaxMemory   = 256 << 20 // of the decompressor's window
)

// NewDBN returns the feed. ids says the instrument of a raw symbol and the publisher's own id, 0 leaves it out; nil
// takes the publisher's id as it is.
func NewDBN(path string, ids func(symbol string, raw uint32) int64) *DBN {
	if ids == nil {
		ids = func(_ string, raw uint32) int64 { return int64(raw) }
	}
	return &DBN{path: path, ids: ids}
}

// Connect opens the file and reads its metadata.
func (d *DBN) Connect(context.Context) error {
	file, err := os.Open(d.path)
	if err != nil {
		return fmt.Errorf("DBN file: %w", err)
	}
	d.closers = append(d.closers, file.Close)
	if err := d.start(file); err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

func (d *DBN) start(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if head, _ := in.Peek(4); bytes.Equal(head, zstdMagic) {
		plain, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(dbnMaxMemory))
		if err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
		d.closers = append(d.closers, func() error { plain.Close(); return nil })
		in = bufio.NewReaderSize(plain, 1<<16)
	}
	var prelude [8]byte
	if _, err := io.ReadFull(in, prelude[:]); err != nil || string(prelude[:3]) != "DBN" {
		return fmt.Errorf("%s: begins with %q: this is no DBN file", d.path, prelude[:3])
	}
	if prelude[3] != 3 {
		return fmt.Errorf("%s: DBN version %d, only 3 is read: convert the file", d.path, prelude[3])
	}
	size := binary.LittleEndian.Uint32(prelude[4:])
	if size > dbnMaxMetadata {
		return fmt.Errorf("%s: metadata of %d bytes: the file is damaged", d.path, size)
	}
	var raw bytes.Buffer // grows with what is there, not with what the length claims
	if n, err := io.CopyN(&raw, in, int64(size)); err != nil {
		return fmt.Errorf("%s: metadata end after %d of %d bytes: the file is cut off", d.path, n, size)
	}
	meta, err := parseDBNMetadata(raw.Bytes())
	if err != nil {
		return fmt.Errorf("%s: metadata: %w", d.path, err)
	}
	d.in, d.meta = in, meta
	d.named, d.until, d.names = map[uint32]int64{}, map[uint32]int64{}, map[int64]string{}
	return nil
}

// Subscribe chooses the instruments.
func (d *DBN) Subscribe(ids ...int64) (err error) {
	if d.in == nil {
		return ErrNotConnected
	}
	d.want, err = chosen(ids)
	return err
}

// Next gives what the next record tells.
func (d *DBN) Next(q *Quote) bool {
	if d.in == nil {
		d.err = ErrNotConnected
	}
	if d.err != nil {
		return false
	}
	if d.held {
		*q, d.held = d.pending, false
		return true
	}
	for {
		more, err := d.record(q)
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			d.err = fmt.Errorf("%s: byte %d after the metadata: %w", d.path, d.at, err)
			return false
		}
		if more && d.want.has(q.InstrumentID) {
			return true
		}
		d.held = false
	}
}

// record reads one record into q and, where it tells two things, pending. It is false for one that is left out.
func (d *DBN) record(q *Quote) (bool, error) {
	first, err := d.in.Peek(1)
	if err != nil {
		return false, err // io.EOF between two records is the end
	}
	size := 4 * int(first[0])
	if size < dbnHeader {
		return false, fmt.Errorf("a record of %d bytes, the least is %d: the file is damaged", size, dbnHeader)
	}
	raw, err := d.in.Peek(size)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return false, fmt.Errorf("a record of %d bytes, %d are there: the file is cut off", size, len(raw))
		}
		return false, err
	}
	told, err := d.decode(raw, q)
	if err != nil {
		return false, err
	}
	if _, err := d.in.Discard(size); err != nil {
		return false, err
	}
	d.at += int64(size)
	if !told {
		d.skipped++
	}
	return told, nil
}

// instrument is our id of the publisher's at a moment, 0 where it is left out.
func (d *DBN) instrument(raw uint32, ts int64) int64 {
	if ts < d.until[raw] {
		return d.named[raw]
	}
	symbol, until := d.meta.symbol(raw, ts)
	id := d.ids(symbol, raw)
	d.named[raw], d.until[raw] = id, until
	if id != 0 {
		d.names[id] = symbol
	}
	return id
}

// Skipped is how many records so far were of a kind or an instrument that is left out.
func (d *DBN) Skipped() int { return d.skipped }

// Err is what ended the stream early.
func (d *DBN) Err() error { return d.err }

// Symbol is the raw symbol of the instruments read so far.
func (d *DBN) Symbol(id int64) string { return d.names[id] }

// Close closes the file.
func (d *DBN) Close() error {
	var all []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		all = append(all, d.closers[i]())
	}
	d.closers, d.in = nil, nil
	return errors.Join(all...)
}
