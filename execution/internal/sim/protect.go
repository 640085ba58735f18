package sim

const (
	textProtected    = "cancel on disconnect is on"
	textUnprotected  = "cancel on disconnect is off"
	textDisconnected = "cancelled on disconnect"
)

// Protect notes whether the connection that there is wants its orders cancelled when it ends. It is journaled, so that
// an end of the connection that is this process's own death counts too.
func (e *Engine) Protect(on bool) ([]Record, error) {
	e.enter()
	if e.st.protect == on {
		return nil, nil
	}
	err := e.emit(protection(on))
	return e.take(), err
}

func protection(on bool) Record {
	r := Record{Kind: KindProtect, Protect: on, Text: textUnprotected}
	if on {
		r.Text = textProtected
	}
	return r
}

// Disconnected is the end of the connection at nowNs: where it was protected, every working order is cancelled.
func (e *Engine) Disconnected(nowNs int64) ([]Record, error) {
	e.enter()
	err := e.advance(nowNs)
	if err == nil {
		err = e.disconnected()
	}
	return e.take(), err
}

func (e *Engine) disconnected() error {
	if !e.st.protect {
		return nil
	}
	if err := e.turnBack(0, reasonOther, textDisconnected); err != nil {
		return err
	}
	if err := e.st.each(func(o *Order) error {
		if !o.Status.Working() {
			return nil
		}
		return e.emit(e.orderRecord(KindCancel, o, textDisconnected))
	}); err != nil {
		return err
	}
	return e.emit(protection(false))
}
