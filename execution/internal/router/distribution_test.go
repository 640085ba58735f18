package router

import (
	"math"
	"testing"
)

// TestTables compares with printed tables of the normal and of Student's distribution.
func TestTables(t *testing.T) {
	for _, c := range []struct{ p, df, want float64 }{
		{0.975, 1, 12.7062}, {0.975, 2, 4.3027}, {0.975, 5, 2.5706}, {0.975, 10, 2.2281}, {0.975, 30, 2.0423}, {0.995, 10, 3.1693},
		{0.95, 7, 1.8946}, {0.975, 1e7, 1.9600}, {0.75, 1, 1.0000}, {0.5, 3, 0},
	} {
		if got := studentQuantile(c.p, c.df); math.Abs(got-c.want) > 6e-5 {
			t.Errorf("t of %v with %v degrees is %v, the table has %v", c.p, c.df, got, c.want)
		}
	}
	for _, c := range []struct{ p, want float64 }{{0.975, 1.959964}, {0.995, 2.575829}, {0.5, 0}, {0.00135, -2.99998}} {
		if got := normalQuantile(c.p); math.Abs(got-c.want) > 1e-5 {
			t.Errorf("the normal quantile of %v is %v, the table has %v", c.p, got, c.want)
		}
		if back := normalCDF(c.want); math.Abs(back-c.p) > 1e-5 {
			t.Errorf("the normal probability of %v is %v, the table has %v", c.want, back, c.p)
		}
	}
	if got := studentCDF(-1, 1); math.Abs(got-0.25) > 1e-12 { // Cauchy: 1/2 + atan(-1)/pi
		t.Errorf("Cauchy at -1 is %v", got)
	}
}
