package gate

// market watches for moves of many instruments at once: what one of them cannot prove alone, they prove together.
type market struct {
	Jumps [marketRoom]jump `json:"jumps"` // the latest ones, in a ring
	At    int              `json:"at"`
	Until [2]int64         `json:"until"` // a move down, or up, is taken for the market's up to this moment
}

const marketRoom = 64

// jump is a hold's begin.
type jump struct {
	ID int64 `json:"id"` // 0: nothing, or taken back
	Ts int64 `json:"ts"`
	Up bool  `json:"up"`
}

// add notes that an instrument jumps, and returns how many do so the same way within the time.
func (m *market) add(id, ts int64, up bool, within int64) int {
	m.forget(id)
	m.Jumps[m.At] = jump{id, ts, up}
	m.At = (m.At + 1) % marketRoom
	n := 0
	for _, j := range m.Jumps {
		if j.ID != 0 && j.Up == up && ts-j.Ts <= within && j.Ts-ts <= within {
			n++
		}
	}
	return n
}

// forget takes an instrument's jump back: it was none.
func (m *market) forget(id int64) {
	for i := range m.Jumps {
		if m.Jumps[i].ID == id {
			m.Jumps[i].ID = 0
		}
	}
}

func way(up bool) int {
	if up {
		return 1
	}
	return 0
}
