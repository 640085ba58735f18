package main

import "bytes"

// orderNumber is the number at the end of a NewOrderSingle's ClOrdID (REGION-NUMBER); false for any other message, and for an
// order that riskd made itself.
func orderNumber(m []byte) (id uint64, ok bool) {
	if !bytes.Contains(m[:min(len(m), 40)], []byte("\x0135=D\x01")) {
		return 0, false
	}
	_, rest, found := bytes.Cut(m, []byte("\x0111="))
	if !found {
		return 0, false
	}
	name, _, _ := bytes.Cut(rest, []byte{1})
	_, number, found := bytes.Cut(name, []byte{'-'})
	if !found || len(number) == 0 || len(number) > 19 {
		return 0, false
	}
	for _, digit := range number {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		id = id*10 + uint64(digit-'0')
	}
	return id, true
}
