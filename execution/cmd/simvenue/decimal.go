package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// micro is the number of price units in one of the currency.
const micro = 1_000_000

// formatMicro writes millionths as a decimal without needless zeros.
func formatMicro(v int64) string { return string(appendMicro(nil, v)) }

func appendMicro(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst, u = append(dst, '-'), -uint64(v)
	}
	dst = strconv.AppendUint(dst, u/micro, 10)
	frac := u % micro
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := uint64(micro / 10); frac > 0; unit /= 10 {
		dst = append(dst, byte('0'+frac/unit))
		frac %= unit
	}
	return dst
}

// parseMicro reads a non-negative FIX decimal exactly: digits, at most six of them (and zeros) after the point.
func parseMicro(text string) (int64, error) {
	whole, frac, _ := strings.Cut(text, ".")
	frac = strings.TrimRight(frac, "0")
	if len(frac) > 6 || !digits(whole) || frac != "" && !digits(frac) {
		return 0, fmt.Errorf("%.40q is no decimal with up to six places", text)
	}
	v, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || v > math.MaxInt64/micro-1 {
		return 0, fmt.Errorf("%.40q is too large", text)
	}
	v *= micro
	if frac != "" {
		part, err := strconv.ParseInt(frac+strings.Repeat("0", 6-len(frac)), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%.40q: %w", text, err)
		}
		v += part
	}
	return v, nil
}

// parseQty reads a whole non-negative quantity; ".0" after it is allowed.
func parseQty(text string) (int64, error) {
	v, err := parseMicro(text)
	if err != nil {
		return 0, err
	}
	if v%micro != 0 {
		return 0, fmt.Errorf("%.40q is no whole quantity", text)
	}
	return v / micro, nil
}

// parseID reads a positive instrument id; it uses all 63 bits, which a quantity in millionths does not.
func parseID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 || !digits(text) {
		return 0, fmt.Errorf("%.40q is no instrument id", text)
	}
	return id, nil
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// The FIX time formats, to the millisecond that FIX 4.4 allows.
const (
	fixTimestamp = "20060102-15:04:05.000"
	fixDate      = "20060102"
	fixTime      = "15:04:05.000"
)
