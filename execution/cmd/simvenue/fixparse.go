package main

import (
	"bytes"

	"github.com/quickfixgo/quickfix"

	"dnalyaw/execution/internal/sim"
)

// field is a required text field; a message without it gets a session reject that names the tag.
func field(m *quickfix.Message, tag quickfix.Tag) (string, quickfix.MessageRejectError) {
	text, err := m.Body.GetBytes(tag)
	if err != nil {
		return "", quickfix.RequiredTagMissing(tag)
	}
	if len(text) == 0 {
		return "", quickfix.TagSpecifiedWithoutAValue(tag)
	}
	return string(text), nil
}

// optional is a text field that may be absent: then it is empty.
func optional(m *quickfix.Message, tag quickfix.Tag) string {
	text, err := m.Body.GetBytes(tag)
	if err != nil {
		return "" // GetBytes fails for nothing else
	}
	return string(text)
}

// code reads a field of one character out of known.
func code(m *quickfix.Message, tag quickfix.Tag, known string) (int64, quickfix.MessageRejectError) {
	text, err := field(m, tag)
	if err != nil {
		return 0, err
	}
	if len(text) != 1 || !bytes.ContainsAny([]byte(known), text) {
		return 0, quickfix.ValueIsIncorrect(tag)
	}
	return int64(text[0] - '0'), nil
}

// maxClOrdID bounds what a client can make the log hold.
const maxClOrdID = 64

// parseNewOrder reads a D. What is not FIX 4.4 or not in the contract is a session reject; whether the order makes
// sense is the engine's to say.
func parseNewOrder(m *quickfix.Message) (sim.NewOrder, quickfix.MessageRejectError) {
	var o sim.NewOrder
	var err quickfix.MessageRejectError
	if o.ClOrdID, err = field(m, tagClOrdID); err != nil {
		return o, err
	}
	if len(o.ClOrdID) > maxClOrdID {
		return o, quickfix.ValueIsIncorrect(tagClOrdID)
	}
	if o.Symbol, err = field(m, tagSymbol); err != nil {
		return o, err
	}
	if o.InstrumentID, err = instrument(m); err != nil {
		return o, err
	}
	if m.Body.Has(tagExDestination) {
		if o.Path, err = code(m, tagExDestination, "12"); err != nil {
			return o, err
		}
	}
	return o, parseTerms(m, &o)
}

// parseReplacement reads a G: all terms of the order as it shall be, and in OrigClOrdID the order.
func parseReplacement(m *quickfix.Message) (sim.Replacement, quickfix.MessageRejectError) {
	var r sim.Replacement
	orig, err := field(m, tagOrigClOrdID)
	if err != nil {
		return r, err
	}
	o, err := parseNewOrder(m)
	if err != nil {
		return r, err
	}
	return sim.Replacement{
		ClOrdID: o.ClOrdID, Orig: orig, Symbol: o.Symbol, Side: o.Side, Short: o.Short, Type: o.Type, TIF: o.TIF, Qty: o.Qty, LimitPx: o.LimitPx, Path: o.Path,
	}, nil
}

// sideShort is FIX's side of a sell that is marked as a short sale.
const sideShort = 5

// parseTerms reads side, type, time in force, quantity and price.
func parseTerms(m *quickfix.Message, o *sim.NewOrder) quickfix.MessageRejectError {
	side, err := code(m, tagSide, "125")
	if err != nil {
		return err
	}
	if side == sideShort {
		side, o.Short = int64(sim.Sell), true
	}
	kind, err := code(m, tagOrdType, "12")
	if err != nil {
		return err
	}
	tif := int64(sim.Day)
	if m.Body.Has(tagTimeInForce) {
		if tif, err = code(m, tagTimeInForce, "03"); err != nil {
			return err
		}
	}
	o.Side, o.Type, o.TIF = sim.Side(side), sim.Type(kind), sim.TIF(tif)
	qty, err := field(m, tagOrderQty)
	if err != nil {
		return err
	}
	var bad error
	if o.Qty, bad = parseQty(qty); bad != nil {
		return quickfix.IncorrectDataFormatForValue(tagOrderQty)
	}
	if o.Type == sim.Limit {
		px, err := field(m, tagPrice)
		if err != nil {
			return err
		}
		if o.LimitPx, bad = parseMicro(px); bad != nil {
			return quickfix.IncorrectDataFormatForValue(tagPrice)
		}
	}
	return nil
}

// instrument is SecurityID where the message has one.
func instrument(m *quickfix.Message) (int64, quickfix.MessageRejectError) {
	text := optional(m, tagSecurityID)
	if text == "" {
		return 0, nil
	}
	if source, err := field(m, tagSecurityIDSource); err != nil {
		return 0, err
	} else if source != securityIDSource {
		return 0, quickfix.ValueIsIncorrect(tagSecurityIDSource)
	}
	id, bad := parseID(text)
	if bad != nil {
		return 0, quickfix.IncorrectDataFormatForValue(tagSecurityID)
	}
	return id, nil
}

// parseSymbols lists the symbols that a market data request names; none means all.
func parseSymbols(m *quickfix.Message) (map[string]bool, quickfix.MessageRejectError) {
	if !m.Body.Has(tagNoRelatedSym) {
		return nil, nil
	}
	symbols := map[string]bool{}
	for _, f := range bytes.Split(m.Bytes(), []byte{1}) {
		if symbol, ok := bytes.CutPrefix(f, []byte("55=")); ok {
			if len(symbol) == 0 {
				return nil, quickfix.TagSpecifiedWithoutAValue(tagSymbol) // it would choose nothing, and nobody would hear of it
			}
			symbols[string(symbol)] = true
		}
	}
	if len(symbols) == 0 {
		return nil, quickfix.ConditionallyRequiredFieldMissing(tagSymbol)
	}
	return symbols, nil
}
