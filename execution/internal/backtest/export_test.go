package backtest

// TellAtOnce has every price told when it comes, until the function that it returns is called.
func TellAtOnce() func() {
	was := laterMost
	laterMost = 1
	return func() { laterMost = was }
}
