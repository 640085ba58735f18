package frame_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/frame"
)

const golden = "../../../proto/golden"

// goldenNames maps the contract's field names to this package's.
var goldenNames = map[string]string{
	"session": "Session", "region": "Region", "order_id": "OrderID", "instrument_id": "InstrumentID", "qty": "Qty",
	"limit_px": "LimitPx", "stop_distance": "StopDistance", "correlation": "Correlation", "side": "Side", "type": "Type",
	"tif": "TIF", "flags": "Flags", "leg": "Leg", "legs": "Legs", "path": "Path", "strategies": "Strategies", "original_id": "OriginalID", "who": "Who", "nonce": "Nonce", "trading_state": "TradingState", "venue_up": "VenueUp",
	"last_order_id": "LastOrderID", "limits_hash": "LimitsHash", "reference_hash": "ReferenceHash", "requested_qty": "RequestedQty",
	"approved_qty": "ApprovedQty", "decision": "Decision", "reason": "Reason", "reference_px": "ReferencePx", "equity": "Equity",
	"worst_case": "WorstCase", "binding_limit": "BindingLimit", "last_qty": "LastQty", "last_px": "LastPx", "cum_qty": "CumQty",
	"leaves_qty": "LeavesQty", "fee": "Fee", "exec_id": "ExecID", "exec_type": "ExecType", "bid": "Bid", "ask": "Ask",
	"session_state": "SessionState", "baseline": "Baseline", "cash": "Cash", "drawdown_bp": "DrawdownBp", "mark_px": "MarkPx",
	"last": "Last", "price_ts_ns": "TsNs", "orders": "Orders", "positions": "Positions", "prices": "Prices",
}

type vector struct {
	Name     string                     `json:"name"`
	File     string                     `json:"file"`
	Kind     uint8                      `json:"kind"`
	KindName string                     `json:"kind_name"`
	Seq      uint64                     `json:"seq"`
	TsNs     int64                      `json:"ts_ns"`
	Fields   map[string]json.RawMessage `json:"fields"`
}

func blank(t testing.TB, k frame.Kind) frame.Message {
	for _, m := range messages() {
		if m.Kind() == k {
			return m
		}
	}
	t.Fatalf("no message of kind %d", k)
	return nil
}

func messages() []frame.Message {
	return []frame.Message{
		&frame.Hello{}, &frame.NewOrder{}, &frame.Cancel{}, &frame.Kill{}, &frame.Sync{}, &frame.Replace{}, &frame.Heartbeat{},
		&frame.Welcome{}, &frame.Decision{},
		&frame.Exec{}, &frame.State{}, &frame.Position{}, &frame.Price{}, &frame.SyncEnd{}, &frame.Refused{},
	}
}

// set writes one JSON value into a field of whatever width.
func set(t *testing.T, f reflect.Value, raw json.RawMessage) {
	t.Helper()
	if f.Kind() != reflect.Array {
		if err := json.Unmarshal(raw, f.Addr().Interface()); err != nil {
			t.Fatal(err)
		}
		return
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	b := []byte(text)
	if f.Len() == 16 {
		var err error
		if b, err = hex.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	reflect.Copy(f, reflect.ValueOf(b))
}

func TestGoldenVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden, "frames.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	kinds := map[frame.Kind]bool{}
	for _, v := range vectors {
		raw, err := os.ReadFile(filepath.Join(golden, v.File))
		if err != nil {
			t.Fatal(err)
		}
		m := blank(t, frame.Kind(v.Kind))
		if m.Kind().String() != v.KindName {
			t.Errorf("%s: kind %d is called %s here and %s there", v.Name, v.Kind, m.Kind(), v.KindName)
		}
		target := reflect.ValueOf(m).Elem()
		if len(v.Fields) != target.NumField() {
			t.Errorf("%s: %d fields there, %d here", v.Name, len(v.Fields), target.NumField())
		}
		for name, raw := range v.Fields {
			f := target.FieldByName(goldenNames[name])
			if !f.IsValid() {
				t.Fatalf("%s: no field for %q", v.Name, name)
			}
			set(t, f, raw)
		}
		h := frame.Header{Sequence: v.Seq, TsNs: v.TsNs}
		if got := frame.Encode(h, m); string(got[:]) != string(raw) {
			t.Errorf("%s: encoded\n%x\nwant\n%x", v.Name, got, raw)
		}
		gotH, gotM, err := frame.Decode((*[frame.Size]byte)(raw), v.Seq)
		if err != nil || gotH != h || !reflect.DeepEqual(gotM, m) {
			t.Errorf("%s: decoded %v %v, %v; want %v %v", v.Name, gotH, gotM, err, h, m)
		}
		for bit := range frame.Size * 8 {
			flipped := [frame.Size]byte(raw)
			flipped[bit/8] ^= 1 << (bit % 8)
			if _, other, err := frame.Decode(&flipped, 0); err == nil {
				t.Errorf("%s: bit %d can be flipped and gives %s", v.Name, bit, other.Kind())
			}
		}
		kinds[m.Kind()] = true
	}
	if len(kinds) != len(messages()) {
		t.Errorf("vectors cover %d kinds of %d", len(kinds), len(messages()))
	}
}

func TestEveryWrongByteIsSeen(t *testing.T) {
	for _, m := range messages() {
		good := frame.Encode(frame.Header{Sequence: 9, TsNs: 5}, m)
		if _, _, err := frame.Decode(&good, 9); err != nil {
			t.Fatalf("%s: %v", m.Kind(), err)
		}
		if _, _, err := frame.Decode(&good, 8); !errors.Is(err, frame.ErrSequence) {
			t.Errorf("%s: a wrong sequence gives %v", m.Kind(), err)
		}
		for i := range good {
			bad := good
			bad[i] ^= 0x20
			if _, _, err := frame.Decode(&bad, 9); err == nil {
				t.Errorf("%s: byte %d can be changed", m.Kind(), i)
			}
		}
	}
}

// A non-zero byte that no field uses is refused even under a right CRC.
func TestUnusedBytesMustBeZero(t *testing.T) {
	unused := map[frame.Kind][]int{
		frame.KindHello: {32, 127}, frame.KindNewOrder: {87, 96, 127}, frame.KindCancel: {48, 127}, frame.KindKill: {104, 127},
		frame.KindReplace: {80, 127}, frame.KindHeartbeat: {24, 127}, frame.KindSync: {32, 127}, frame.KindWelcome: {30, 31, 64, 127}, frame.KindDecision: {84, 87, 120, 127},
		frame.KindExec: {93, 95, 112, 127}, frame.KindState: {27, 62, 127}, frame.KindPosition: {48, 127}, frame.KindPrice: {64, 127},
		frame.KindSyncEnd: {44, 127}, frame.KindRefused: {34, 127},
	}
	for _, m := range messages() {
		for _, i := range unused[m.Kind()] {
			b := frame.Encode(frame.Header{Sequence: 1}, m)
			b[i] = 1
			frame.Reseal(&b)
			if _, _, err := frame.Decode(&b, 1); !errors.Is(err, frame.ErrUnused) || !strings.Contains(err.Error(), m.Kind().String()) {
				t.Errorf("%s: byte %d gives %v", m.Kind(), i, err)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &frame.Exec{
			OrderID: rapid.Uint64().Draw(t, "id"), InstrumentID: rapid.Uint64().Draw(t, "instrument"), LastQty: rapid.Int64().Draw(t, "last"),
			LastPx: rapid.Int64().Draw(t, "px"), CumQty: rapid.Int64().Draw(t, "cum"), LeavesQty: rapid.Int64().Draw(t, "leaves"),
			Fee: rapid.Int64().Draw(t, "fee"), ExecID: rapid.Uint64().Draw(t, "exec"), ExecType: rapid.Byte().Draw(t, "type"),
			Side: rapid.Byte().Draw(t, "side"), Reason: rapid.Uint16().Draw(t, "reason"), Flags: rapid.Byte().Draw(t, "flags"),
			Bid: rapid.Int64().Draw(t, "bid"), Ask: rapid.Int64().Draw(t, "ask"),
		}
		h := frame.Header{Sequence: rapid.Uint64Min(1).Draw(t, "seq"), TsNs: rapid.Int64().Draw(t, "ts")}
		b := frame.Encode(h, m)
		gotH, got, err := frame.Decode(&b, h.Sequence)
		if err != nil || gotH != h || !reflect.DeepEqual(got, m) {
			t.Fatalf("%v %v %v", gotH, got, err)
		}
	})
}

// Every pair of bytes: both 0, or a leg of 2 to 16.
func TestLegsAreOfOneOrder(t *testing.T) {
	taken := 0
	for leg := range 256 {
		for legs := range 256 {
			b := frame.Encode(frame.Header{Sequence: 1}, &frame.NewOrder{OrderID: 1, Leg: uint8(leg), Legs: uint8(legs)})
			_, _, err := frame.Decode(&b, 1)
			if whole := leg == 0 && legs == 0 || leg > 0 && leg <= legs && legs > 1 && legs < 17; whole != (err == nil) {
				t.Fatalf("leg %d of %d: %v", leg, legs, err)
			}
			if err == nil {
				taken++
			} else if !errors.Is(err, frame.ErrLegs) {
				t.Fatalf("leg %d of %d: %v", leg, legs, err)
			}
		}
	}
	if taken != 1+135 {
		t.Fatalf("%d pairs were taken", taken)
	}
}

// Every byte where a path stands, in what omsd asks and in what riskd answers: 0, 1 and 2 are one.
func TestPathsAreOfOneMarket(t *testing.T) {
	for m, offset := range map[frame.Message]int{&frame.NewOrder{OrderID: 1}: 86, &frame.Decision{OrderID: 1}: 81} {
		for path := range 256 {
			b := frame.Encode(frame.Header{Sequence: 1}, m)
			b[offset] = byte(path)
			frame.Reseal(&b)
			_, got, err := frame.Decode(&b, 1)
			if path > 2 {
				if !errors.Is(err, frame.ErrPath) || !strings.Contains(err.Error(), m.Kind().String()) {
					t.Fatalf("%s: path %d gives %v", m.Kind(), path, err)
				}
				continue
			}
			if err != nil || reflect.ValueOf(got).Elem().FieldByName("Path").Uint() != uint64(path) {
				t.Fatalf("%s: path %d gives %+v, %v", m.Kind(), path, got, err)
			}
		}
	}
}

func TestNewOrderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		legs := rapid.SampledFrom([]uint8{0, 2, 3, 16}).Draw(t, "legs")
		m := &frame.NewOrder{
			OrderID: rapid.Uint64().Draw(t, "id"), InstrumentID: rapid.Uint64().Draw(t, "instrument"), Qty: rapid.Int64().Draw(t, "qty"),
			LimitPx: rapid.Int64().Draw(t, "px"), StopDistance: rapid.Int64().Draw(t, "stop"), Side: rapid.Byte().Draw(t, "side"),
			Type: rapid.Byte().Draw(t, "type"), TIF: rapid.Byte().Draw(t, "tif"), Flags: rapid.Byte().Draw(t, "flags"),
			Leg: rapid.Uint8Range(min(1, legs), legs).Draw(t, "leg"), Legs: legs, Path: rapid.Uint8Range(0, 2).Draw(t, "path"), Strategies: rapid.Uint64().Draw(t, "strategies"),
		}
		r := &frame.Replace{
			OrderID: m.OrderID, OriginalID: rapid.Uint64().Draw(t, "original"), Qty: m.Qty, LimitPx: m.LimitPx, StopDistance: m.StopDistance,
			Correlation: [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "correlation")),
		}
		for _, want := range []frame.Message{m, r} {
			b := frame.Encode(frame.Header{Sequence: 1}, want)
			if _, got, err := frame.Decode(&b, 1); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%v %v, want %v", got, err, want)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages() {
		b := frame.Encode(frame.Header{Sequence: 1, TsNs: 2}, m)
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b [frame.Size]byte
		copy(b[:], data)
		for range 2 { // as it is, then with a right CRC
			if h, m, err := frame.Decode(&b, 0); err == nil {
				if again := frame.Encode(h, m); again != b {
					t.Fatalf("accepted bytes are not what the message encodes to:\n%x\n%x", b, again)
				}
			}
			frame.Reseal(&b)
		}
	})
}
