package riskengine

import "errors"

// The ways in which an Engine does not do what it is told. It is then as it was, unless it says otherwise.
var (
	// ErrClosed says that the engine was closed.
	ErrClosed = errors.New("risk engine: it is closed")
	// ErrBusy says that another goroutine is inside.
	ErrBusy = errors.New("risk engine: another goroutine is in it; one at a time may call it")
	// ErrPanicked says that the code behind the boundary panicked, now or before: close the engine and throw the run away.
	ErrPanicked = errors.New("risk engine: it panicked and takes nothing any more")
	// ErrArgument says that a code or a length has no meaning.
	ErrArgument = errors.New("risk engine: a code or a length of the call has no meaning")
	// ErrRefused is wrapped by what a file, a name or a session was refused for.
	ErrRefused = errors.New("risk engine: refused")
	// ErrUnknownOrder says that no order goes by the id. Where a report named it, the account is wanted.
	ErrUnknownOrder = errors.New("risk engine: no order goes by this id")
	// ErrBadReport says that a quantity, price or fee of the report cannot be. The account is wanted.
	ErrBadReport = errors.New("risk engine: a quantity, price or fee of the report cannot be")
	// ErrLegs says that there are fewer than two or more than 16 legs, or not a decision for each.
	ErrLegs = errors.New("risk engine: give 2 to 16 linked legs and a decision for each")
	// ErrNotKilled says that the kill switch has not fired.
	ErrNotKilled = errors.New("risk engine: the kill switch has not fired")
	// ErrSameSession says that the switch fired on the drawdown of this session: not before the next one.
	ErrSameSession = errors.New("risk engine: the kill switch fired on this session's drawdown; arm it again on the next session day")
	// ErrShadow is wrapped by the first running sum that differs from a recomputation.
	ErrShadow = errors.New("risk engine: its running sums are wrong")
	// ErrLibrary says that the library is of another version than this package.
	ErrLibrary = errors.New("risk engine: the library is of another version; build it again: tools/risk-cabi.sh")
)
