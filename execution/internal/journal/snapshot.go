package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// snapMagic begins a snapshot file: "OMSS", then the chain's hash where it stands, the records before it, the length of
// the state, the state, and SHA-256 over everything before.
const (
	snapMagic  = 0x53534d4f
	snapHeader = 4 + sha256.Size + 8 + 8
)

// Snapshot is the owner's state where a segment begins.
type Snapshot struct {
	Segment int
	Chain   Hash
	Records uint64 // in the segments before
	State   []byte
}

func segmentPath(dir string, n int) string  { return filepath.Join(dir, fmt.Sprintf("%06d.log", n)) }
func snapshotPath(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%06d.snap", n)) }

// Segments lists the numbers of the segments and of the snapshots of a journal, ascending.
func Segments(dir string) (segments, snapshots []int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		stem, ext, _ := strings.Cut(e.Name(), ".")
		n, err := strconv.Atoi(stem)
		if err != nil || n < 1 {
			continue
		}
		switch ext {
		case "log":
			segments = append(segments, n)
		case "snap":
			snapshots = append(snapshots, n)
		}
	}
	sort.Ints(segments)
	sort.Ints(snapshots)
	return segments, snapshots, nil
}

// ReadSnapshot reads and checks the snapshot before a segment.
func ReadSnapshot(dir string, segment int) (Snapshot, error) {
	data, err := os.ReadFile(snapshotPath(dir, segment))
	if err != nil {
		return Snapshot{}, err
	}
	s, err := parseSnapshot(data)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%s: %w", snapshotPath(dir, segment), err)
	}
	s.Segment = segment
	return s, nil
}

func parseSnapshot(data []byte) (Snapshot, error) {
	var s Snapshot
	if len(data) < snapHeader+sha256.Size || binary.LittleEndian.Uint32(data) != snapMagic {
		return s, fmt.Errorf("%w: not a snapshot", ErrBroken)
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if got := sha256.Sum256(body); string(got[:]) != string(sum) {
		return s, fmt.Errorf("%w: the snapshot is not what was written", ErrBroken)
	}
	copy(s.Chain[:], body[4:])
	s.Records = binary.LittleEndian.Uint64(body[4+sha256.Size:])
	if n := binary.LittleEndian.Uint64(body[12+sha256.Size:]); n != uint64(len(body)-snapHeader) {
		return s, fmt.Errorf("%w: the snapshot says %d bytes of state and holds %d", ErrBroken, n, len(body)-snapHeader)
	}
	s.State = body[snapHeader:]
	return s, nil
}

// encodeSnapshot is the file's bytes.
func encodeSnapshot(s Snapshot) []byte {
	data := make([]byte, 0, snapHeader+len(s.State)+sha256.Size)
	data = binary.LittleEndian.AppendUint32(data, snapMagic)
	data = append(data, s.Chain[:]...)
	data = binary.LittleEndian.AppendUint64(data, s.Records)
	data = binary.LittleEndian.AppendUint64(data, uint64(len(s.State)))
	data = append(data, s.State...)
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

// writeSnapshot puts the file on the disk under its name, whole or not at all.
func writeSnapshot(dir string, s Snapshot) error {
	data := encodeSnapshot(s)
	path := snapshotPath(dir, s.Segment)
	tmp, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// restore finds what a start reads: the last snapshot that can be read and the number of its segment. Without one, or
// when none can be read, the whole journal is read from its first segment.
func restore(dir string) (Snapshot, []int, error) {
	segments, snapshots, err := Segments(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Snapshot{Segment: 1}, nil, nil
	}
	if err != nil {
		return Snapshot{}, nil, err
	}
	base := Snapshot{Segment: 1}
	var failed error
	for i := len(snapshots) - 1; i >= 0; i-- {
		s, err := ReadSnapshot(dir, snapshots[i])
		if err == nil {
			base = s
			break
		}
		failed = errors.Join(failed, err)
	}
	var rest []int
	for _, n := range segments {
		if n >= base.Segment {
			rest = append(rest, n)
		}
	}
	for i, n := range rest {
		if n != base.Segment+i {
			return Snapshot{}, nil, errors.Join(fmt.Errorf("%w: %s is missing; restore the file from a copy",
				ErrBroken, segmentPath(dir, base.Segment+i)), failed)
		}
	}
	return base, rest, nil
}

// Read reads a journal beside its owner and changes nothing: its last snapshot (nil = none) and the records after it.
func Read(dir string) (snapshot []byte, records [][]byte, err error) {
	base, segments, err := restore(dir)
	if err != nil {
		return nil, nil, err
	}
	chain := base.Chain
	for _, n := range segments {
		data, err := os.ReadFile(segmentPath(dir, n))
		if err != nil {
			return nil, nil, err
		}
		scan, err := Scan(chain, data)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", segmentPath(dir, n), err)
		}
		chain, records = scan.Chain, append(records, scan.Records...)
	}
	return base.State, records, nil
}
