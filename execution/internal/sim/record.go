package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Kind says what a record changes.
type Kind string

// The kinds of record.
const (
	KindOrder   Kind = "order"   // an order arrived
	KindAck     Kind = "ack"     // it was accepted
	KindReject  Kind = "reject"  // it was refused
	KindFill    Kind = "fill"    // qty shares at px
	KindCancel  Kind = "cancel"  // what was left is cancelled
	KindReplace Kind = "replace" // it has another total and limit, and another ClOrdID
	KindCorrect Kind = "correct" // an earlier fill is now of qty shares
	KindProtect Kind = "protect" // cancel on disconnect was asked for, or is over
	KindExpire  Kind = "expire"  // what was left expired at the close
	KindAction  Kind = "action"  // a corporate action, or the cost of a loan of shares, changed the account
	KindSession Kind = "session" // the session began, changed its state or passed a checkpoint
)

// The kinds that only a session with a model writes.
const (
	KindPending Kind = "pending" // a cancel or a replacement is on its way
	KindRefuse  Kind = "refuse"  // it changes nothing
	KindHalt    Kind = "halt"    // an instrument stops trading
	KindResume  Kind = "resume"  // it trades again; px: at a reopening auction with this print
	KindSettle  Kind = "settle"  // what was traded for this date has changed hands
)

// How an order came to a fill that it did not go and get, and what an action is that is no corporate one.
type How string

// The ways; empty is an order that takes what is offered.
const (
	HowQueue   How = "queue"   // its turn came in the queue at the touch
	HowCross   How = "cross"   // the touch crossed its limit while it rested
	HowAuction How = "auction" // an auction
	HowBorrow  How = "borrow"  // action: the cost of borrowed shares
)

// Phase of a session.
type Phase string

// The phases, in the order in which a session passes them; open and break alternate.
const (
	Waiting Phase = "waiting"
	Open    Phase = "open"
	Break   Phase = "break"
	Closed  Phase = "closed"
)

// Record is one line of the venue's log: the change of state itself, so that the log alone rebuilds the state.
// Qty is the order's quantity, on a fill the quantity filled; Px the limit price (0 for market), on a fill its price.
type Record struct {
	N            int64  `json:"n"`     // 1, 2, 3 ... without a gap
	TsNs         int64  `json:"ts_ns"` // replayed time
	Kind         Kind   `json:"kind"`
	ClOrdID      string `json:"cl_ord_id"`
	InstrumentID int64  `json:"instrument_id"`
	Side         string `json:"side"`
	Qty          int64  `json:"qty"`
	Px           int64  `json:"px"`
	Cum          int64  `json:"cum"`
	Leaves       int64  `json:"leaves"`
	ExecID       string `json:"exec_id"`
	Text         string `json:"text"`

	Ev        int64            `json:"ev"`                   // market events applied before this record
	OrderID   string           `json:"order_id,omitempty"`   // the venue's own id
	Symbol    string           `json:"symbol,omitempty"`     // order
	Type      Type             `json:"type,omitempty"`       // order: 1 market, 2 limit
	TIF       TIF              `json:"tif,omitempty"`        // order: 0 day, 3 IOC
	ReservePx int64            `json:"reserve_px,omitempty"` // ack of a buy
	Fee       int64            `json:"fee,omitempty"`        // fill
	AvgPx     int64            `json:"avg_px,omitempty"`     // average price of the order's fills so far
	Cash      int64            `json:"cash,omitempty"`       // action: change of cash; first session: the initial cash
	Position  int64            `json:"position,omitempty"`   // action: the position after it
	Reason    int              `json:"reason,omitempty"`     // reject: FIX OrdRejReason
	CancelID  string           `json:"cancel_id,omitempty"`  // cancel: the request's ClOrdID
	Orig      string           `json:"orig,omitempty"`       // replace: the ClOrdID that cl_ord_id follows
	Short     bool             `json:"short,omitempty"`      // order: a short sale
	RefID     string           `json:"ref_id,omitempty"`     // correct: the fill's exec_id
	Protect   bool             `json:"protect,omitempty"`    // protect: on
	Session   string           `json:"session,omitempty"`    // session
	Region    string           `json:"region,omitempty"`     // session
	State     Phase            `json:"state,omitempty"`      // session
	Market    string           `json:"market,omitempty"`     // session waiting: SHA-256 of the market files
	Marks     map[string]int64 `json:"marks,omitempty"`      // session closed: last price of each position

	Path     int64  `json:"path,omitempty"`      // order, pending: the path on which it was sent
	DueNs    int64  `json:"due_ns,omitempty"`    // order, pending: when it acts
	ReportNs int64  `json:"report_ns,omitempty"` // when the client hears of it; 0 = at once
	How      How    `json:"how,omitempty"`       // fill, action
	NoteFee  int64  `json:"note_fee,omitempty"`  // fill, correct: the part of fee that the contract note is charged
	Settle   string `json:"settle,omitempty"`    // session waiting: when its trades settle; settle: the date
	ByHand   bool   `json:"by_hand,omitempty"`   // halt, resume: not by the session's file
}

// ReadLog parses a log. complete is the length in bytes of its whole lines: what follows is a line that a killed
// process did not finish, and its writer never acknowledged it. A damaged whole line or a gap in n is an error.
func ReadLog(data []byte) (records []Record, complete int, err error) {
	for line := 1; ; line++ {
		end := bytes.IndexByte(data[complete:], '\n')
		if end < 0 {
			return records, complete, nil
		}
		dec := json.NewDecoder(bytes.NewReader(data[complete : complete+end]))
		dec.DisallowUnknownFields()
		var r Record
		if err := dec.Decode(&r); err != nil {
			return nil, 0, fmt.Errorf("line %d: not a record: %w", line, err)
		}
		if _, err := dec.Token(); err != io.EOF {
			return nil, 0, fmt.Errorf("line %d: something follows the record", line)
		}
		if r.N != int64(line) {
			return nil, 0, fmt.Errorf("line %d: record n=%d, want n=%d", line, r.N, line)
		}
		records = append(records, r)
		complete += end + 1
	}
}
