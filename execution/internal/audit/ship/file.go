package ship

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// File is a status as a shipper of its own process writes it down, once a second.
type File struct {
	Status
	At  time.Time `json:"at"` // by the machine's clock
	PID int       `json:"pid"`
}

// WriteStatus writes the file, whole or not at all. It holds no secret.
func WriteStatus(path string, st Status, at time.Time) error {
	b, err := json.Marshal(File{Status: st, At: at.UTC(), PID: os.Getpid()})
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the shipper's status: %w", err)
	}
	return os.Rename(tmp, path)
}

// ReadStatus reads what WriteStatus wrote.
func ReadStatus(path string) (File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("read the shipper's status: %w", err)
	}
	var f File
	if err := json.Unmarshal(b, &f); err != nil {
		return File{}, fmt.Errorf("%s is no shipper's status: %w", path, err)
	}
	return f, nil
}

// Behind says that the journal is more than limit records ahead of the table, or that nobody ships any more: nothing that
// opens may go on then, what reduces may.
func (st Status) Behind(limit uint64) bool { return st.Ended || st.Lag > limit }

// Behind says the same of a file, and that a shipper that has not written for longer than silence is gone.
func (f File) Behind(limit uint64, now time.Time, silence time.Duration) bool {
	return f.Status.Behind(limit) || now.Sub(f.At) > silence
}
