//go:build oms_backtest

package riskengine

// #cgo CFLAGS: -I${SRCDIR}/../../../risk_native/cabi/include
// #cgo LDFLAGS: ${SRCDIR}/../../../build/lib/libdnalyaw_risk.a -lgcc_s -lm -ldl -lpthread
// #cgo noescape dnalyaw_risk_create
// #cgo nocallback dnalyaw_risk_create
// #cgo noescape dnalyaw_risk_destroy
// #cgo nocallback dnalyaw_risk_destroy
// #cgo noescape dnalyaw_risk_fault
// #cgo nocallback dnalyaw_risk_fault
// #include <dnalyaw_risk.h>
import "C"

import (
	"fmt"
	"unsafe"
)

// library is the SHA-256 of the archive that this program was linked with; the linker sets it.
var library = "unknown"

// Library is the SHA-256 of the linked library in hex, to be recorded with a run; "unknown" where the build did not say.
func Library() string { return library }

// Engine is one account under the risk engine. See the package for its threading.
type Engine struct {
	desk  *C.dnalyaw_desk
	wants Wants
}

// Open makes an engine over the bytes of a reference.json, under the constant limits or, where tighter is not nil, those of
// riskd's --tighter file. room is for how many working orders there is room; 0 = riskd's own 131,072, which take 75 MB.
// Nothing opens before the session and the account were told.
func Open(reference, tighter []byte, room int) (*Engine, error) {
	if got := uint32(C.dnalyaw_risk_abi()); got != C.DNALYAW_RISK_ABI {
		return nil, fmt.Errorf("%w (it says %d, not %d)", ErrLibrary, got, C.DNALYAW_RISK_ABI)
	}
	if room < 0 || int64(room) > 1<<31 {
		return nil, fmt.Errorf("%w: room for %d orders", ErrArgument, room)
	}
	e := &Engine{}
	var text [512]byte
	code := C.dnalyaw_risk_create(data(reference), C.size_t(len(reference)), data(tighter), C.size_t(len(tighter)),
		C.uint32_t(room), &e.desk, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	if code < 0 {
		return nil, fault(code, func() string { return until0(text[:]) })
	}
	e.wants = WantAccount
	return e, nil
}

// Close frees the engine. A second one does nothing.
func (e *Engine) Close() error {
	if e.desk == nil {
		return nil
	}
	if code := C.dnalyaw_risk_destroy(e.desk); code == C.DNALYAW_RISK_E_BUSY {
		return ErrBusy
	}
	e.desk = nil
	return nil
}

// Wants is what the last call that was done left to be seen to.
func (e *Engine) Wants() Wants { return e.wants }

// done makes an error of what a call came to, or keeps what is wanted.
func (e *Engine) done(code C.int32_t) error {
	if code >= 0 {
		e.wants = Wants(code)
		return nil
	}
	return e.failed(code)
}

func (e *Engine) failed(code C.int32_t) error {
	if e.desk == nil {
		return ErrClosed
	}
	if code == C.DNALYAW_RISK_E_UNKNOWN_ORDER || code == C.DNALYAW_RISK_E_BAD_REPORT {
		// What a report left in doubt, the next call tells in any case.
		e.refresh()
	}
	return fault(code, e.words)
}

// refresh asks what is wanted.
func (e *Engine) refresh() {
	if code := C.dnalyaw_risk_clock(e.desk, C.INT64_MIN); code >= 0 {
		e.wants = Wants(code)
	}
}

func (e *Engine) words() string {
	var text [512]byte
	if C.dnalyaw_risk_fault(e.desk, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text))) < 0 {
		return ""
	}
	return until0(text[:])
}

// fault is the error of a code; words are what the library says besides.
func fault(code C.int32_t, words func() string) error {
	says := func(err error) error { return fmt.Errorf("%w: %s", err, words()) }
	switch code {
	case C.DNALYAW_RISK_E_BUSY:
		return ErrBusy
	case C.DNALYAW_RISK_E_REFUSED:
		return says(ErrRefused)
	case C.DNALYAW_RISK_E_PANICKED:
		return says(ErrPanicked)
	case C.DNALYAW_RISK_E_SHADOW:
		return says(ErrShadow)
	case C.DNALYAW_RISK_E_UNKNOWN_ORDER:
		return ErrUnknownOrder
	case C.DNALYAW_RISK_E_BAD_REPORT:
		return ErrBadReport
	case C.DNALYAW_RISK_E_LEGS:
		return ErrLegs
	case C.DNALYAW_RISK_E_NOT_KILLED:
		return ErrNotKilled
	case C.DNALYAW_RISK_E_SAME_SESSION:
		return ErrSameSession
	}
	return fmt.Errorf("%w (code %d)", ErrArgument, int32(code))
}

func until0(text []byte) string {
	for i, b := range text {
		if b == 0 {
			return string(text[:i])
		}
	}
	return string(text)
}

func data(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }
