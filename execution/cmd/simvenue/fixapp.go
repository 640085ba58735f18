package main

import "github.com/quickfixgo/quickfix"

// sessionID is the one FIX session of this venue, from its own side.
var sessionID = quickfix.SessionID{BeginString: quickfix.BeginStringFIX44, SenderCompID: "SIMVENUE", TargetCompID: "RISKD"}

// fixApp stands between the FIX engine's goroutines and the venue's loop. It holds no state of the venue: what comes in
// is parsed here and handed to the loop in order of arrival.
type fixApp struct {
	v *venue
}

func (a *fixApp) OnCreate(quickfix.SessionID) {}

func (a *fixApp) OnLogon(quickfix.SessionID) { a.v.post(a.v.onLogon) }

func (a *fixApp) OnLogout(quickfix.SessionID) { a.v.post(a.v.onLogout) }

func (a *fixApp) ToAdmin(*quickfix.Message, quickfix.SessionID) {}

func (a *fixApp) ToApp(*quickfix.Message, quickfix.SessionID) error { return nil }

// FromAdmin has nothing to add to what the FIX engine checks.
func (a *fixApp) FromAdmin(*quickfix.Message, quickfix.SessionID) quickfix.MessageRejectError {
	return nil
}

func (a *fixApp) FromApp(m *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	kind, err := m.Header.GetBytes(tagMsgType)
	if err != nil {
		return err
	}
	handle := a.handler(string(kind))
	if handle == nil {
		return quickfix.UnsupportedMessageType()
	}
	if account := optional(m, tagAccount); account != "" && account != a.v.region {
		return quickfix.ValueIsIncorrect(tagAccount)
	}
	return handle(m)
}

func (a *fixApp) handler(kind string) func(*quickfix.Message) quickfix.MessageRejectError {
	switch kind {
	case "D":
		return a.newOrder
	case "F":
		return a.cancel
	case "G":
		return a.replace
	case "AF":
		return a.massStatus
	case "AN":
		return a.positions
	case "BB":
		return a.collateral
	case "BE":
		return a.userRequest
	case "V":
		return a.marketData
	case "g":
		return a.tradingSession
	}
	return nil
}

func (a *fixApp) newOrder(m *quickfix.Message) quickfix.MessageRejectError {
	order, err := parseNewOrder(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.newOrder(order) })
	return nil
}

func (a *fixApp) cancel(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagClOrdID)
	if err != nil {
		return err
	}
	orig, err := field(m, tagOrigClOrdID)
	if err != nil {
		return err
	}
	if len(id) > maxClOrdID {
		return quickfix.ValueIsIncorrect(tagClOrdID)
	}
	a.v.post(func() error { return a.v.cancelOrder(id, orig) })
	return nil
}

func (a *fixApp) replace(m *quickfix.Message) quickfix.MessageRejectError {
	r, err := parseReplacement(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.replaceOrder(r) })
	return nil
}

// userRequest is how a client whose Logon takes no further field asks for cancel on disconnect.
func (a *fixApp) userRequest(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagUserRequestID)
	if err != nil {
		return err
	}
	if _, err := code(m, tagUserRequestType, "4"); err != nil {
		return err
	}
	user, err := field(m, tagUsername)
	if err != nil {
		return err
	}
	if user != a.v.region {
		return quickfix.ValueIsIncorrect(tagUsername)
	}
	on := optional(m, tagCancelOnDisconnect)
	if on != "" && on != "Y" && on != "N" {
		return quickfix.ValueIsIncorrect(tagCancelOnDisconnect)
	}
	a.v.post(func() error { return a.v.protect(id, on == "Y") })
	return nil
}

func (a *fixApp) massStatus(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagMassStatusReqID)
	if err != nil {
		return err
	}
	if _, err := code(m, tagMassStatusReqType, "7"); err != nil {
		return err
	}
	a.v.post(func() error { return a.v.massStatus(id) })
	return nil
}

func (a *fixApp) positions(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagPosReqID)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.positions(id) })
	return nil
}

func (a *fixApp) collateral(m *quickfix.Message) quickfix.MessageRejectError {
	id := optional(m, tagCollInquiryID)
	a.v.post(func() error { return a.v.collateral(id) })
	return nil
}

func (a *fixApp) marketData(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagMDReqID)
	if err != nil {
		return err
	}
	kind, err := code(m, tagSubscriptionType, "012")
	if err != nil {
		return err
	}
	symbols, err := parseSymbols(m)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.marketData(id, kind, symbols) })
	return nil
}

func (a *fixApp) tradingSession(m *quickfix.Message) quickfix.MessageRejectError {
	id, err := field(m, tagTradSesReqID)
	if err != nil {
		return err
	}
	a.v.post(func() error { return a.v.sendSession(id) })
	return nil
}
