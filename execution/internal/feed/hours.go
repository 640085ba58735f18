package feed

import (
	"fmt"
	"time"
	_ "time/tzdata" // recorded days are read on machines without zone files too
)

// Hours are a market's regular hours on its own clock. Files of recorded days do not tell their session's hours; these
// are taken for every day of them, half days included.
type Hours struct {
	Zone        *time.Location
	Open, Close time.Duration // since the day's midnight
}

// NewYork are the regular hours of the exchanges in the United States: 9:30 to 16:00.
func NewYork() Hours {
	return Hours{Zone: zone("America/New_York"), Open: 9*time.Hour + 30*time.Minute, Close: 16 * time.Hour}
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(fmt.Sprintf("zone %s: %v", name, err)) // embedded: only a broken build lacks it
	}
	return z
}

// midnight is the start of the day YYYYMMDD on the market's clock. The date is given in bytes of a file.
func (h Hours) midnight(date []byte) (time.Time, error) {
	v, ok := parseInt(date)
	if !ok || len(date) != 8 {
		return time.Time{}, fmt.Errorf("date is %.40q: give YYYYMMDD", date)
	}
	year, month, day := int(v/10000), time.Month(v/100%100), int(v%100)
	t := time.Date(year, month, day, 0, 0, 0, 0, h.Zone)
	if t.Year() != year || t.Month() != month || t.Day() != day || year < 1900 || year > 2200 {
		return time.Time{}, fmt.Errorf("date is %.40q: no day of the calendar", date)
	}
	return t, nil
}

// at is the moment so long after the day's midnight on the market's clock, in nanoseconds UTC: wall time, also where
// the clocks change in between.
func (h Hours) at(midnight time.Time, since time.Duration) int64 {
	return time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, int(since), h.Zone).UnixNano()
}
