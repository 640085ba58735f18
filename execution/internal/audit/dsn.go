package audit

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// ReadDSN reads the data source name in a file that nobody but its owner, who must be this user or root, can read: it may
// hold a password.
func ReadDSN(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open the file with the DSN: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || fi.Mode().Perm()&0o077 != 0 || st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s can be read by others, or is another user's: chmod 600 and chown it", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return "", err
	}
	dsn := strings.TrimSpace(string(b))
	if dsn == "" {
		return "", fmt.Errorf("%s is empty: write the DSN into it", path)
	}
	return dsn, nil
}
