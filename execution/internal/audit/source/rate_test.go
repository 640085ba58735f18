package source_test

import (
	"fmt"
	"testing"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
	"dnalyaw/execution/internal/journal"
)

// BenchmarkChain is how fast rows are made again from a journal of omsd's, as at every start of a shipper.
func BenchmarkChain(b *testing.B) {
	dir := b.TempDir()
	j, _, err := journal.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	const records = 200_000
	for i := range records {
		j.Append(fmt.Appendf(nil, `{"k":"exec","ts":1704465000000000000,"exec":{"order_id":%d,"exec_id":1234567890123,"type":1,"last_qty":100,"last_px":101230000,`+
			`"cum_qty":100,"leaves":0,"fee":350000,"bid":101220000,"ask":101230000,"ts_ns":1704465000000000000}}`, i))
		if i%10 == 9 {
			if err := j.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		f := source.NewOMS(dir)
		f.EveryRecord()
		c := audit.NewChain("omsd-US", audit.Head{})
		for c.Head().Seq < records {
			entries, err := f.Read(c.Head().Seq, 5000)
			if err != nil || len(entries) == 0 {
				b.Fatal(err, c.Head().Seq)
			}
			for _, e := range entries {
				if _, err := c.Next(e); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
