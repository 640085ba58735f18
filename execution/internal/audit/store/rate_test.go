package store_test

import (
	"context"
	"fmt"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/store"
)

// BenchmarkAppend is how fast rows of a fill's size get in, with and without the trigger that checks their chain. The
// server of the tests does not wait for the disk: docs/audit.md has the rate of one that does.
func BenchmarkAppend(b *testing.B) {
	const batch = 5000
	for _, checked := range []bool{true, false} {
		b.Run(fmt.Sprintf("checked=%v", checked), func(b *testing.B) {
			s := pgtest.Start(b)
			if !checked {
				s.Exec(false, "drop trigger continue_chain on audit.events")
			}
			st, err := store.ConnectWriter(context.Background(), s.Writer)
			must(b, err)
			defer st.Close()
			c := audit.NewChain(us, audit.Head{})
			bodies := make([]string, batch)
			b.ResetTimer()
			for n := range b.N {
				b.StopTimer()
				for i := range bodies {
					bodies[i] = fmt.Sprintf(`{"k":"exec","ts":1704465000000000000,"exec":{"order_id":%d,"exec_id":1234567890123,"type":1,"last_qty":100,`+
						`"last_px":101230000,"cum_qty":100,"leaves":0,"fee":350000,"bid":101220000,"ask":101230000,"ts_ns":1704465000000000000}}`, (n*batch+i)/5+1)
				}
				made := rows(b, c, bodies...)
				b.StartTimer()
				must(b, st.Append(context.Background(), us, made))
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
