package tca

// SchemaVersion is written in every row. It changes when a field changes its name, unit or meaning.
const SchemaVersion = 2

// Row is a line of the output.
type Row interface{ kind() string }

// Execution is what the fills cost between arrival and fill. Each part is a sum over fills of side times quantity times
// a difference of prices: timing from arrival's mid to the mid when the child was sent, impact from there to the mid at
// the fill, spread from there to the fill's price. Unsplit is what lies between two known prices with an unknown one
// between them, so that the parts still sum.
type Execution struct {
	Timing  int64 `json:"timing" unit:"millionths" doc:"the market's move from arrival to the sending of the children"`
	Impact  int64 `json:"impact" unit:"millionths" doc:"the mid's move while the children worked, up to each fill"`
	Spread  int64 `json:"spread" unit:"millionths" doc:"fill prices against the mid at the fill: the effective half spread"`
	Unsplit int64 `json:"unsplit" unit:"millionths" doc:"cost between known prices where one between them is unknown; missing names it"`
	Fees    int64 `json:"fees" unit:"millionths" doc:"fees and taxes of the fills"`
}

// ParentRow is the cost of one parent order. Shortfall = delay + timing + impact + spread + unsplit + fees + opportunity
// + residual, exactly, with null counted as 0.
type ParentRow struct {
	Kind          string   `json:"kind" unit:"" doc:"parent"`
	Schema        int      `json:"schema" unit:"" doc:"version of these fields"`
	ParentID      uint64   `json:"parent_id" unit:"" doc:"the parent order; of an order that went at once, its own id"`
	Scheduled     bool     `json:"scheduled" unit:"" doc:"worked by a schedule; parent_id counts scheduled parents and orders apart"`
	Session       uint32   `json:"session" unit:"YYYYMMDD" doc:"session that was traded"`
	Correlation   string   `json:"correlation" unit:"" doc:"correlation id from signal to fill"`
	InstrumentID  int64    `json:"instrument_id" unit:"" doc:"instrument"`
	Currency      string   `json:"currency" unit:"" doc:"currency of every amount of the row"`
	Algorithm     string   `json:"algorithm" unit:"" doc:"how the parent was scheduled"`
	Side          string   `json:"side" unit:"" doc:"BUY or SELL"`
	Qty           int64    `json:"qty" unit:"shares" doc:"decided"`
	Filled        int64    `json:"filled" unit:"shares" doc:"filled"`
	Children      int      `json:"children" unit:"count" doc:"child orders"`
	Fills         int      `json:"fills" unit:"count" doc:"executions and corrections"`
	DecisionNs    int64    `json:"decision_ns" unit:"ns UTC" doc:"moment of the decision"`
	ArrivalNs     int64    `json:"arrival_ns" unit:"ns UTC" doc:"moment at which the first child could go"`
	EndNs         int64    `json:"end_ns" unit:"ns UTC" doc:"moment at which the order was complete or given up"`
	DecisionPx    *int64   `json:"decision_px" unit:"millionths" doc:"price of the decision; null = unknown"`
	ArrivalBid    int64    `json:"arrival_bid" unit:"millionths" doc:"bid at arrival; 0 = absent"`
	ArrivalAsk    int64    `json:"arrival_ask" unit:"millionths" doc:"ask at arrival; 0 = absent"`
	AveragePx     *int64   `json:"average_px" unit:"millionths" doc:"mean price of the fills, rounded; null when nothing filled"`
	VWAPPx        *int64   `json:"vwap_px" unit:"millionths" doc:"volume-weighted mean of the market's prints from arrival to end, rounded"`
	VWAPVolume    int64    `json:"vwap_volume" unit:"shares" doc:"volume of those prints"`
	TWAPPx        *int64   `json:"twap_px" unit:"millionths" doc:"time-weighted mean of the mids from arrival to end, rounded"`
	ClosePx       *int64   `json:"close_px" unit:"millionths" doc:"official close of the session"`
	TradedMicro   int64    `json:"traded" unit:"millionths" doc:"money of the fills"`
	Delay         *int64   `json:"delay" unit:"millionths" doc:"the whole quantity times the move from the decision's price to arrival's mid"`
	Execution              // timing, impact, spread, unsplit, fees
	Opportunity   *int64   `json:"opportunity" unit:"millionths" doc:"what did not fill times the move from arrival's mid to the close"`
	Residual      *int64   `json:"residual" unit:"millionths" doc:"shortfall less its parts: rounding of half millionths"`
	Shortfall     *int64   `json:"shortfall" unit:"millionths" doc:"implementation shortfall against the decision's price"`
	VsArrival     *int64   `json:"vs_arrival" unit:"millionths" doc:"fills against arrival's mid, without fees"`
	VsVWAP        *int64   `json:"vs_vwap" unit:"millionths" doc:"fills against the interval's VWAP, without fees"`
	VsTWAP        *int64   `json:"vs_twap" unit:"millionths" doc:"fills against the interval's time-weighted mid, without fees"`
	VsClose       *int64   `json:"vs_close" unit:"millionths" doc:"fills against the close, without fees"`
	ShortfallBp   *float64 `json:"shortfall_bp" unit:"bp" doc:"shortfall over quantity times the decision's price"`
	VsArrivalBp   *float64 `json:"vs_arrival_bp" unit:"bp" doc:"vs_arrival over filled times arrival's mid"`
	VsVWAPBp      *float64 `json:"vs_vwap_bp" unit:"bp" doc:"vs_vwap over filled times the VWAP"`
	VsTWAPBp      *float64 `json:"vs_twap_bp" unit:"bp" doc:"vs_twap over filled times the time-weighted mid"`
	VsCloseBp     *float64 `json:"vs_close_bp" unit:"bp" doc:"vs_close over filled times the close"`
	NotionalMicro *int64   `json:"notional" unit:"millionths" doc:"quantity times the decision's price, or arrival's mid where that is unknown: the weight of means"`
	Missing       []string `json:"missing" unit:"" doc:"what could not be measured"`
}

func (ParentRow) kind() string { return "parent" }

// ChildRow is the cost of one child order. Cost is against the mid when it was sent and counts what did not fill at the
// mid when it ended, so that every assigned order has one, filled or not: the outcome of the router's experiment.
type ChildRow struct {
	Kind          string   `json:"kind" unit:"" doc:"child"`
	Schema        int      `json:"schema" unit:"" doc:"version of these fields"`
	ParentID      uint64   `json:"parent_id" unit:"" doc:"the parent order; of an order that went at once, its own id"`
	Scheduled     bool     `json:"scheduled" unit:"" doc:"worked by a schedule; parent_id counts scheduled parents and orders apart"`
	ChildID       uint64   `json:"child_id" unit:"" doc:"the child order"`
	Session       uint32   `json:"session" unit:"YYYYMMDD" doc:"session that was traded"`
	InstrumentID  int64    `json:"instrument_id" unit:"" doc:"instrument"`
	Currency      string   `json:"currency" unit:"" doc:"currency of every amount of the row"`
	Side          string   `json:"side" unit:"" doc:"BUY or SELL"`
	Path          uint8    `json:"path" unit:"" doc:"1 or 2; 0 = the market's default path"`
	Venue         string   `json:"venue" unit:"" doc:"venue of the path"`
	Style         string   `json:"style" unit:"" doc:"how it was priced"`
	LimitPx       int64    `json:"limit_px" unit:"millionths" doc:"limit; 0 = market order"`
	Experiment    bool     `json:"experiment" unit:"" doc:"assigned by the router's design; others were forced"`
	Stratum       string   `json:"stratum" unit:"" doc:"cell of the design"`
	Block         uint32   `json:"block" unit:"" doc:"block of the stratum"`
	Slot          int      `json:"slot" unit:"" doc:"slot of the block"`
	Route         string   `json:"route" unit:"" doc:"why it took its path"`
	SentNs        int64    `json:"sent_ns" unit:"ns UTC" doc:"sent"`
	AckNs         *int64   `json:"ack_ns" unit:"ns UTC" doc:"acknowledged; null = never"`
	DoneNs        int64    `json:"done_ns" unit:"ns UTC" doc:"nothing could fill any more"`
	FirstFillNs   *int64   `json:"first_fill_ns" unit:"ns UTC" doc:"first fill; null = none"`
	SentBid       int64    `json:"sent_bid" unit:"millionths" doc:"bid when it was sent; 0 = absent"`
	SentAsk       int64    `json:"sent_ask" unit:"millionths" doc:"ask when it was sent; 0 = absent"`
	Qty           int64    `json:"qty" unit:"shares" doc:"sent"`
	Filled        int64    `json:"filled" unit:"shares" doc:"filled"`
	Fills         int      `json:"fills" unit:"count" doc:"executions and corrections"`
	TradedMicro   int64    `json:"traded" unit:"millionths" doc:"money of the fills"`
	Execution              // timing, impact, spread, unsplit, fees
	Cost          *int64   `json:"cost" unit:"millionths" doc:"fills against the mid when sent, plus fees, plus what did not fill times the move from there to the mid at the end"`
	CostBp        *float64 `json:"cost_bp" unit:"bp" doc:"cost over quantity times the mid when sent"`
	NotionalMicro *int64   `json:"notional" unit:"millionths" doc:"quantity times the mid when sent: the weight of means"`
	Missing       []string `json:"missing" unit:"" doc:"what could not be measured"`
}

func (ChildRow) kind() string { return "child" }

// StrategyRow is one strategy's part of a parent: every amount of the parent is split by the strategies' shares of its
// quantity with the largest remainder, so that the parts sum to it.
type StrategyRow struct {
	Kind          string   `json:"kind" unit:"" doc:"strategy"`
	Schema        int      `json:"schema" unit:"" doc:"version of these fields"`
	ParentID      uint64   `json:"parent_id" unit:"" doc:"the parent order; of an order that went at once, its own id"`
	Scheduled     bool     `json:"scheduled" unit:"" doc:"worked by a schedule; parent_id counts scheduled parents and orders apart"`
	Session       uint32   `json:"session" unit:"YYYYMMDD" doc:"session that was traded"`
	Strategy      string   `json:"strategy" unit:"" doc:"the strategy"`
	InstrumentID  int64    `json:"instrument_id" unit:"" doc:"instrument"`
	Currency      string   `json:"currency" unit:"" doc:"currency of every amount of the row"`
	Side          string   `json:"side" unit:"" doc:"BUY or SELL"`
	Qty           int64    `json:"qty" unit:"shares" doc:"its part of the decided quantity"`
	Filled        int64    `json:"filled" unit:"shares" doc:"its part of the fills"`
	TradedMicro   int64    `json:"traded" unit:"millionths" doc:"its part of the money of the fills"`
	Delay         *int64   `json:"delay" unit:"millionths" doc:"its part; null where the parent's is"`
	Execution              // timing, impact, spread, unsplit, fees
	Opportunity   *int64   `json:"opportunity" unit:"millionths" doc:"its part; null where the parent's is"`
	Residual      *int64   `json:"residual" unit:"millionths" doc:"shortfall less its parts"`
	Shortfall     *int64   `json:"shortfall" unit:"millionths" doc:"its part; null where the parent's is"`
	ShortfallBp   *float64 `json:"shortfall_bp" unit:"bp" doc:"shortfall over its part of quantity times the decision's price"`
	NotionalMicro *int64   `json:"notional" unit:"millionths" doc:"its part of the parent's notional"`
	Missing       []string `json:"missing" unit:"" doc:"what could not be measured"`
}

func (StrategyRow) kind() string { return "strategy" }

// PathsRow is the router's experiment: path 1 against path 2, by the children's cost in basis points.
type PathsRow struct {
	Kind       string   `json:"kind" unit:"" doc:"paths"`
	Schema     int      `json:"schema" unit:"" doc:"version of these fields"`
	Session    uint32   `json:"session" unit:"YYYYMMDD" doc:"session that was traded"`
	Venue      string   `json:"venue" unit:"" doc:"market, empty = all"`
	N1         int      `json:"n1" unit:"count" doc:"orders on path 1 with a cost"`
	N2         int      `json:"n2" unit:"count" doc:"orders on path 2 with a cost"`
	Missing1   int      `json:"missing1" unit:"count" doc:"orders on path 1 without one"`
	Missing2   int      `json:"missing2" unit:"count" doc:"orders on path 2 without one"`
	Forced     int      `json:"forced" unit:"count" doc:"orders that were not part of the experiment"`
	Strata     int      `json:"strata" unit:"count" doc:"strata with orders"`
	UsedStrata int      `json:"used_strata" unit:"count" doc:"strata with two orders on each path"`
	Mean1Bp    *float64 `json:"mean1_bp" unit:"bp" doc:"stratified mean cost on path 1; null when no stratum can be used"`
	Mean2Bp    *float64 `json:"mean2_bp" unit:"bp" doc:"the same on path 2"`
	DiffBp     *float64 `json:"diff_bp" unit:"bp" doc:"path 1 less path 2: below 0 path 1 is cheaper"`
	StdErrBp   *float64 `json:"std_err_bp" unit:"bp" doc:"its standard error (Neyman)"`
	LowBp      *float64 `json:"low_bp" unit:"bp" doc:"lower end of its confidence interval"`
	HighBp     *float64 `json:"high_bp" unit:"bp" doc:"upper end"`
	Confidence float64  `json:"confidence" unit:"" doc:"of the interval"`
	P          *float64 `json:"p" unit:"" doc:"p-value of the randomisation test of no difference"`
	Redraws    int      `json:"redraws" unit:"count" doc:"assignments drawn anew for it"`
}

func (PathsRow) kind() string { return "paths" }

// AggregateRow is one measure over many rows.
type AggregateRow struct {
	Kind         string   `json:"kind" unit:"" doc:"aggregate"`
	Schema       int      `json:"schema" unit:"" doc:"version of these fields"`
	By           string   `json:"by" unit:"" doc:"all, algorithm, instrument, currency (of parents), strategy, venue, path (of children)"`
	Key          string   `json:"key" unit:"" doc:"which one"`
	Currency     string   `json:"currency" unit:"" doc:"currency of the amounts: sums never mix two"`
	Measure      string   `json:"measure" unit:"" doc:"which field of the rows"`
	N            int      `json:"n" unit:"count" doc:"rows that have it"`
	NMissing     int      `json:"n_missing" unit:"count" doc:"rows in which it is null or its weight is 0"`
	Sum          int64    `json:"sum" unit:"millionths" doc:"sum of the measure"`
	Weight       int64    `json:"weight" unit:"millionths" doc:"sum of the rows' notional; of their traded money for vs_arrival, vs_vwap, vs_twap and vs_close"`
	WeightedBp   *float64 `json:"weighted_bp" unit:"bp" doc:"sum over weight: the mean weighted by notional"`
	WeightedSEBp *float64 `json:"weighted_se_bp" unit:"bp" doc:"its standard error; null below two rows"`
	MeanBp       *float64 `json:"mean_bp" unit:"bp" doc:"plain mean of the rows' basis points"`
	MeanSEBp     *float64 `json:"mean_se_bp" unit:"bp" doc:"its standard error; null below two rows"`
	MedianBp     *float64 `json:"median_bp" unit:"bp" doc:"median of the rows' basis points"`
}

func (AggregateRow) kind() string { return "aggregate" }
