package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Line is a row for a person.
type Line struct {
	Writer       string          `json:"writer"`
	Seq          int64           `json:"seq"`
	TsNs         int64           `json:"ts_ns"`
	Kind         string          `json:"kind"`
	OrderID      json.Number     `json:"order_id"`
	InstrumentID int64           `json:"instrument_id"`
	Correlation  string          `json:"correlation"`
	InsertedAt   time.Time       `json:"inserted_at"`
	Body         json.RawMessage `json:"body,omitempty"`
	Raw          []byte          `json:"raw,omitempty"` // base64 in JSON
}

// Tail gives the last rows of a writer, the newest last; of every writer when it is empty, by the time they were inserted.
func (s *Store) Tail(ctx context.Context, writer string, count int) ([]Line, error) {
	const what = `select writer, seq, ts_ns, kind, order_id::text, instrument_id, correlation, inserted_at, convert_to(body::text, 'UTF8'), raw from `
	var rows pgx.Rows
	var err error
	if writer != "" {
		rows, err = s.conn.Query(ctx, what+`(select * from audit.events where writer = $1 order by seq desc limit $2) t order by seq`, writer, count)
	} else {
		rows, err = s.conn.Query(ctx, what+`(select e.* from audit.writers w cross join lateral
			(select * from audit.events e where e.writer = w.writer order by seq desc limit $1) e
			order by e.inserted_at desc limit $1) t order by inserted_at, writer, seq`, count)
	}
	if err != nil {
		return nil, fmt.Errorf("read the last rows: %w", err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Line, err error) {
		var order string
		var body []byte
		err = row.Scan(&l.Writer, &l.Seq, &l.TsNs, &l.Kind, &order, &l.InstrumentID, &l.Correlation, &l.InsertedAt, &body, &l.Raw)
		l.OrderID, l.Body = json.Number(order), body
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the last rows: %w", err)
	}
	return lines, nil
}
