/*
 * The risk engine in the process of a backtest, for C and cgo. Built by `tools/risk-cabi.sh` into build/lib/libdnalyaw_risk.a.
 *
 * Prices and money are millionths of the currency unit, quantities whole shares, times nanoseconds since the Unix epoch.
 * Codes of one byte are those of the frames between omsd and riskd (docs/contracts.md).
 *
 * Every function but dnalyaw_risk_abi and dnalyaw_risk_create takes a desk that dnalyaw_risk_create gave and
 * dnalyaw_risk_destroy has not taken. Pointers must be aligned and valid for the call; none is kept. One thread at a time is
 * in a desk; which one it is may change. No function prints, waits or calls back; decide, quotes and report allocate nothing.
 *
 * An answer below 0 is a DNALYAW_RISK_E_* and says that it was not done. Otherwise the answer is the sum of the
 * DNALYAW_RISK_WANTS_* that hold now; of create, destroy and fault it is 0.
 */
#ifndef DNALYAW_RISK_H
#define DNALYAW_RISK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What dnalyaw_risk_abi must answer. */
#define DNALYAW_RISK_ABI 1

/* There may be something to cancel or to close: call dnalyaw_risk_settle. */
#define DNALYAW_RISK_WANTS_SETTLE 1
/* Money was estimated: tell dnalyaw_risk_cash. */
#define DNALYAW_RISK_WANTS_CASH 2
/* Positions or money are doubtful, or not known yet: tell dnalyaw_risk_account. */
#define DNALYAW_RISK_WANTS_ACCOUNT 4

/* A pointer is null, or not aligned. */
#define DNALYAW_RISK_E_POINTER (-1)
/* A code, a length or a text has no meaning. */
#define DNALYAW_RISK_E_ARGUMENT (-2)
/* The code behind the boundary panicked, now or before: the desk takes nothing but to be destroyed. */
#define DNALYAW_RISK_E_PANICKED (-3)
/* Another thread is in the desk. */
#define DNALYAW_RISK_E_BUSY (-4)
/* Refused for the reason that dnalyaw_risk_fault gives. */
#define DNALYAW_RISK_E_REFUSED (-5)
/* No order goes by this id. Where a report named it, the account is wanted. */
#define DNALYAW_RISK_E_UNKNOWN_ORDER (-6)
/* A quantity, price or fee of the report cannot be. The account is wanted. */
#define DNALYAW_RISK_E_BAD_REPORT (-7)
/* Fewer than two or more than sixteen legs. */
#define DNALYAW_RISK_E_LEGS (-8)
/* The kill switch has not fired. */
#define DNALYAW_RISK_E_NOT_KILLED (-9)
/* It fired on the drawdown of this session: not before the next one. */
#define DNALYAW_RISK_E_SAME_SESSION (-10)
/* The running sums differ from a recomputation. */
#define DNALYAW_RISK_E_SHADOW (-11)

/* dnalyaw_action.kind */
#define DNALYAW_RISK_ACTION_CANCEL 1
#define DNALYAW_RISK_ACTION_CLOSE 2

/* What dnalyaw_risk_halt halts. */
#define DNALYAW_RISK_SCOPE_ALL 0
#define DNALYAW_RISK_SCOPE_INSTRUMENT 1
#define DNALYAW_RISK_SCOPE_VENUE 2
#define DNALYAW_RISK_SCOPE_STRATEGY 3

/* One account under the engine. */
typedef struct dnalyaw_desk dnalyaw_desk;

/* An order as it arrives. Nothing in it is believed. */
typedef struct dnalyaw_order {
    uint64_t order_id; /* Strictly increasing, below 2^62. */
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t quantity; /* Whole shares. */
    int64_t limit_price; /* 0 for a market order. */
    int64_t stop_distance; /* Distance from entry to stop; 0 = none. */
    uint64_t strategies; /* Bit i = the reference's strategies[i] has a part in it. */
    uint8_t side; /* 1 buy, 2 sell. */
    uint8_t order_type; /* 1 market, 2 limit. */
    uint8_t time_in_force; /* 0 day, 3 immediate or cancel. */
    uint8_t flags; /* Bit 0 reduce only, bit 1 sell short. */
    uint8_t reserved[4]; /* Not read. */
} dnalyaw_order;

/* A modification of an order. */
typedef struct dnalyaw_replace {
    uint64_t order_id; /* Its own id, from the orders' run. */
    uint64_t original_id; /* The first id of the order that changes. */
    int64_t quantity; /* New total, what has filled included. */
    int64_t limit_price; /* New limit; 0 for a market order. */
    int64_t stop_distance; /* Distance to the stop; 0 = none offered. */
} dnalyaw_replace;

/* Everything now known of one instrument's market; 0 = absent, as a side without shares is. */
typedef struct dnalyaw_quote {
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t bid; /* Best bid. */
    int64_t ask; /* Best offer. */
    int64_t last; /* Last trade or auction print. */
    int64_t ts_ns; /* The venue's clock at the update. */
} dnalyaw_quote;

/* A position as the venue reports it. */
typedef struct dnalyaw_holding {
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t quantity; /* Signed shares. */
    int64_t settlement_price; /* Last price on the session's share basis; 0 = the venue tells none. */
} dnalyaw_holding;

/* What the venue says of an order. */
typedef struct dnalyaw_report {
    uint64_t order_id; /* The order's first id, or its modification's. */
    uint64_t instrument_id; /* The order's instrument. */
    int64_t last_quantity; /* Shares of this fill. */
    int64_t last_price; /* Price of this fill. */
    int64_t cumulative_quantity; /* Shares filled so far. */
    int64_t leaves_quantity; /* Shares that still work. */
    int64_t fee; /* Fees of this fill. */
    uint8_t kind; /* Codes of EXEC frames; 64 cancel refused, 65 modification refused. */
    uint8_t reserved[7]; /* Not read. */
} dnalyaw_report;

/* What a report did. */
typedef struct dnalyaw_outcome {
    int64_t position_change; /* Signed change of the position. */
    uint8_t finished; /* 1: the order is done. */
    uint8_t repeated; /* 1: it changed nothing. */
    uint8_t reserved[6]; /* 0. */
} dnalyaw_outcome;

/* What was decided, and everything that it was made on. 0 where a value is not known. */
typedef struct dnalyaw_decision {
    uint64_t order_id; /* The order's id. */
    uint64_t instrument_id; /* The order's instrument; 0 when a modification names no working order. */
    int64_t requested_quantity; /* As asked, unchecked. */
    int64_t approved_quantity; /* What may be sent (of a modification the new total). */
    int64_t reference_price; /* Reference price used. */
    int64_t equity; /* Equity used. */
    int64_t instrument_worst_case; /* Worst-case exposure of the instrument after the decision. */
    int64_t binding_limit; /* The value of the limit that bound, or of the instrument limit. */
    uint64_t limits_hash; /* First eight bytes of the hash of the limits in force. */
    int64_t position; /* Signed shares held. */
    int64_t working_buys; /* Shares of the instrument's working buys. */
    int64_t working_sells; /* Shares of the instrument's working sells. */
    int64_t traded; /* Shares of the instrument traded today, both sides. */
    int64_t bid; /* Best bid. */
    int64_t ask; /* Best offer. */
    int64_t last; /* Last print. */
    int64_t price_ts_ns; /* The venue's clock at the price. */
    int64_t stop_level; /* The held stop level of the order's direction. */
    int64_t risk_per_share; /* Money at risk in one share. */
    int64_t cash; /* Cash. */
    int64_t second_equity; /* Equity at the second marks. */
    int64_t baseline; /* Baseline of the session, in the firm's currency. */
    int64_t flows; /* External flows of the session. */
    int64_t issuer_exposure; /* Worst case of the issuer. */
    int64_t sector_exposure; /* Worst case of the sector. */
    int64_t gross_exposure; /* Worst-case gross exposure of the book. */
    int64_t net_long; /* Worst-case net exposure if every working buy fills. */
    int64_t net_short; /* The other way, if every working sell fills. */
    int64_t buying_power; /* What cash still pays for. */
    int32_t drawdown_bp; /* Drawdown by the first equity, basis points. */
    uint32_t working_orders; /* Orders working. */
    uint16_t reason; /* Reason code. */
    uint8_t kind; /* 1 approve, 2 reduce, 3 reject, 4 flatten. */
    uint8_t trading_state; /* What was taken then: 1 active, 2 reduce only, 3 halted, 4 killed. */
    uint8_t session_state; /* 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed. */
    uint8_t venue_up; /* 1: there was a venue session. */
    uint8_t reserved[2]; /* 0. */
} dnalyaw_decision;

/* What is to be done at the venue. */
typedef struct dnalyaw_action {
    uint64_t order_id; /* Of a cancel: the order's first id. Of a close: the closing order's. */
    uint64_t wire_id; /* What the venue knows the order by. */
    dnalyaw_order order; /* Of a close: what to send where it was accepted. */
    dnalyaw_decision decision; /* Of a close: how it was decided. */
    uint8_t kind; /* 1 cancel, 2 close. */
    uint8_t reserved[7]; /* 0. */
} dnalyaw_action;

/* What came of settling. */
typedef struct dnalyaw_settled {
    uint64_t count; /* Actions written. */
    int64_t wake_ns; /* Settle again at this moment if nothing happens before; INT64_MAX = when something happens. */
    uint8_t phase; /* 0 armed, 1 cancelling, 2 reconciling, 3 closing, 4 verifying, 5 flat. */
    uint8_t reserved[7]; /* 0. */
} dnalyaw_settled;

/* The account and what may be traded now. */
typedef struct dnalyaw_state {
    int64_t equity; /* Equity at the liquidation marks; 0 when not known. */
    int64_t baseline; /* Baseline of the session, in the firm's currency; 0 when not set. */
    int64_t cash; /* Cash; 0 when not known. */
    int64_t flows; /* Flows that count in this session. */
    int64_t now_ns; /* The venue's clock. */
    uint64_t limits_hash; /* First eight bytes of the hash of the limits in force. */
    uint64_t reference_hash; /* First eight bytes of the hash of the reference file. */
    uint64_t last_order_id; /* Last order id taken. */
    uint64_t last_own_order_id; /* Last id of a closing order of the engine's own; 0 = none. */
    uint64_t open_orders; /* Orders open. */
    uint64_t fired_stops; /* Instruments of which a stop has fired. */
    uint64_t unreferenced; /* Positions in instruments that the reference does not have. */
    uint32_t session; /* YYYYMMDD; 0 before the session's state was told. */
    int32_t drawdown_bp; /* Basis points below the baseline; negative above it. */
    uint32_t kill_session; /* YYYYMMDD of the session in which the kill switch fired; 0 = it has not. */
    uint16_t kill_reason; /* Why it fired. */
    uint16_t reason; /* Why not everything is taken; when active, the limit that prices broke. */
    uint8_t trading_state; /* 1 active, 2 reduce only, 3 halted, 4 killed. */
    uint8_t session_state; /* 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed. */
    uint8_t venue_up; /* 1: there is a venue session. */
    uint8_t phase; /* Where the kill switch stands, as in Settled. */
    uint8_t killed; /* 1: the kill switch has fired. */
    uint8_t reserved[3]; /* 0. */
} dnalyaw_state;

/* A position with its mark (0 = none). */
typedef struct dnalyaw_position {
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t quantity; /* Signed shares. */
    int64_t mark; /* The price at which exposure is measured. */
} dnalyaw_position;

/* A stop that is held. */
typedef struct dnalyaw_stop {
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t level; /* Its price. */
    uint8_t direction; /* 1 of a long, 2 of a short. */
    uint8_t fired; /* 1: it was reached, and the position is being closed. */
    uint8_t reserved[6]; /* 0. */
} dnalyaw_stop;

/* An open order. */
typedef struct dnalyaw_open_order {
    uint64_t order_id; /* Its first id. */
    uint64_t wire_id; /* What the venue knows it by. */
    uint64_t replacement_id; /* The modification that the venue has not answered; 0 = none. */
    uint64_t instrument_id; /* Permanent instrument id. */
    int64_t quantity; /* Approved quantity. */
    int64_t cumulative_quantity; /* Filled so far. */
    int64_t reserve_price; /* The price at which what is left is reserved. */
    int64_t limit_price; /* Limit; 0 for a market order. */
    uint8_t side; /* 1 buy, 2 sell. */
    uint8_t cancel_requested; /* 1: a cancel was asked for. */
    uint8_t fate_unknown; /* 1: the venue has not said what became of it. */
    uint8_t reserved[5]; /* 0. */
} dnalyaw_open_order;

/* The number that header and library must agree on. */
uint32_t dnalyaw_risk_abi(void);

/* Makes a desk over a reference file's bytes, under the constant limits or a deployment's tighter ones (the bytes of
   riskd's --tighter file; null = none). room is for how many working orders there is room; 0 = riskd's own. On
   DNALYAW_RISK_E_REFUSED the text says why, cut to fault_room bytes with its closing zero. */
int32_t dnalyaw_risk_create(const uint8_t *reference, size_t reference_len, const uint8_t *tighter,
                            size_t tighter_len, uint32_t room, dnalyaw_desk **desk, char *fault, size_t fault_room);

/* Ends a desk. Null is none. DNALYAW_RISK_E_BUSY, and nothing is ended, while another thread is in it. */
int32_t dnalyaw_risk_destroy(dnalyaw_desk *desk);

/* Why the last call that failed did, in words; empty where the number says it all. Cut to room bytes with its
   closing zero. */
int32_t dnalyaw_risk_fault(dnalyaw_desk *desk, char *text, size_t room);

/* Begins the next session day with its reference file. A thrown switch, halts, ids and stops go on; the account is
   wanted. */
int32_t dnalyaw_risk_open_session(dnalyaw_desk *desk, const uint8_t *reference, size_t reference_len);

/* The venue's session state: 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed. */
int32_t dnalyaw_risk_session_state(dnalyaw_desk *desk, uint8_t state, int64_t now_ns);

/* The whole account by the venue: cash, and every position that is not zero. */
int32_t dnalyaw_risk_account(dnalyaw_desk *desk, int64_t cash, const dnalyaw_holding *holdings, size_t holdings_len,
                             int64_t now_ns);

/* The account's cash by the venue, every fill that was reported in it. */
int32_t dnalyaw_risk_cash(dnalyaw_desk *desk, int64_t cash, int64_t now_ns);

/* Prices in the order in which they came; the clock moves with them. unknown (null = not wanted) is how many were of
   instruments that the reference does not have. */
int32_t dnalyaw_risk_quotes(dnalyaw_desk *desk, const dnalyaw_quote *quotes, size_t quotes_len, uint64_t *unknown);

/* The venue's clock. It never goes back. */
int32_t dnalyaw_risk_clock(dnalyaw_desk *desk, int64_t now_ns);

/* Announces money that enters (positive) or leaves the account from outside. */
int32_t dnalyaw_risk_expect_flow(dnalyaw_desk *desk, int64_t amount);

/* Stops one thing from opening (on 1), or lets it open again (0): scope 0 everything, 1 the instrument of this id, 2
   the venue of this name, 3 the strategy of this name. */
int32_t dnalyaw_risk_halt(dnalyaw_desk *desk, uint8_t scope, uint64_t instrument_id, const uint8_t *name,
                          size_t name_len, uint8_t on);

/* Throws the kill switch by hand. */
int32_t dnalyaw_risk_kill(dnalyaw_desk *desk, int64_t now_ns);

/* Arms a fired switch again. */
int32_t dnalyaw_risk_rearm(dnalyaw_desk *desk);

/* Decides an order and, when it is accepted, reserves its worst case. */
int32_t dnalyaw_risk_decide(dnalyaw_desk *desk, const dnalyaw_order *order, int64_t now_ns,
                            dnalyaw_decision *decision);

/* Decides legs as one, 2 to 16 of them. */
int32_t dnalyaw_risk_decide_linked(dnalyaw_desk *desk, const dnalyaw_order *orders, size_t legs, int64_t now_ns,
                                   dnalyaw_decision *decisions);

/* Decides a modification; the approved quantity is the new total. */
int32_t dnalyaw_risk_replace(dnalyaw_desk *desk, const dnalyaw_replace *request, int64_t now_ns,
                             dnalyaw_decision *decision);

/* Asks for an order to be cancelled. wire_id is what the venue knows it by: send the cancel; 0 = it is on its way
   already. */
int32_t dnalyaw_risk_cancel(dnalyaw_desk *desk, uint64_t order_id, int64_t now_ns, uint64_t *wire_id);

/* What the venue says of an order. */
int32_t dnalyaw_risk_report(dnalyaw_desk *desk, const dnalyaw_report *report, int64_t now_ns,
                            dnalyaw_outcome *outcome);

/* Takes what a thrown switch or a stop that was reached wants done now, at most room actions. Closing orders are
   decided by it. */
int32_t dnalyaw_risk_settle(dnalyaw_desk *desk, int64_t now_ns, dnalyaw_action *actions, size_t room,
                            dnalyaw_settled *settled);

/* The account and what may be traded now. */
int32_t dnalyaw_risk_state(dnalyaw_desk *desk, dnalyaw_state *state);

/* Signed shares of one instrument; 0 of one that is unknown. */
int32_t dnalyaw_risk_position(dnalyaw_desk *desk, uint64_t instrument_id, int64_t *quantity);

/* All positions that are not zero, by instrument: as many as there is room for, and how many there are. */
int32_t dnalyaw_risk_positions(dnalyaw_desk *desk, dnalyaw_position *positions, size_t room, size_t *count);

/* The price that the engine holds of one instrument, all of it 0 where it holds none. */
int32_t dnalyaw_risk_price(dnalyaw_desk *desk, uint64_t instrument_id, dnalyaw_quote *quote);

/* The prices that the engine holds, by instrument: as many as there is room for, and how many there are. */
int32_t dnalyaw_risk_prices(dnalyaw_desk *desk, dnalyaw_quote *quotes, size_t room, size_t *count);

/* The stops that are held, by instrument: as many as there is room for, and how many there are. */
int32_t dnalyaw_risk_stops(dnalyaw_desk *desk, dnalyaw_stop *stops, size_t room, size_t *count);

/* The open orders, by their first ids: as many as there is room for, and how many there are. */
int32_t dnalyaw_risk_orders(dnalyaw_desk *desk, dnalyaw_open_order *orders, size_t room, size_t *count);

/* SHA-256 of the engine's whole state: two that were told alike agree. */
int32_t dnalyaw_risk_state_hash(dnalyaw_desk *desk, uint8_t *hash);

/* Computes every running sum again, as riskd's shadow does. */
int32_t dnalyaw_risk_check(dnalyaw_desk *desk);

#ifdef __cplusplus
}
#endif

#endif /* DNALYAW_RISK_H */
