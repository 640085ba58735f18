"""The parts of one region's report, each a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dnalyaw.report._charts import drawdown_chart, equity_chart, exposure_chart, series_class, series_orders
from dnalyaw.report._data import OrderLine, RegionReport, StrategyResult
from dnalyaw.report._html import (
    bar_row,
    bp,
    chip,
    compact,
    esc,
    number,
    percent,
    signed_percent,
    table,
    tile,
)
from dnalyaw.report._shortfall import shortfall_card

__all__ = ["region_section"]

_DECISION = {"APPROVE": "good", "REDUCE": "warn", "REJECT": "bad", "FLATTEN": "bad"}
_DONE = {"APPROVE": "approved", "REDUCE": "reduced", "REJECT": "rejected", "FLATTEN": "flattened"}
_STATE = {"ACTIVE": "good", "REDUCE_ONLY": "warn", "HALTED": "bad", "KILLED": "bad"}
_TOP_TARGETS = 15


def region_section(r: RegionReport, mark: str) -> str:
    """Return one region's section; `mark` is what every heading ends in, empty for recorded data."""
    parts = [
        f'<section class="region" id="region-{esc(r.region)}" aria-labelledby="h-{esc(r.region)}">',
        f'<h2 id="h-{esc(r.region)}">{esc(r.region)}{mark}</h2>',
        f'<p class="sub">Session {r.session.isoformat()} · prices: {esc(r.source)} · {esc(r.currency)}</p>',
        _alerts(r),
        _tiles(r),
        _card("Feeds and checks", mark, _feeds(r)),
        _card("Backtest", mark, _backtest(r)),
        '<div class="pair">',
        _card("Exposure by sector", mark, _exposure(r)),
        _card("Order outcomes", mark, _outcomes(r)),
        "</div>",
        _card("Target portfolio", mark, _targets(r)),
        _card("Orders", mark, _orders(r)),
        *([_card("Closed by the risk gateway", mark, _closes(r))] if r.closes else []),
        '<div class="pair">',
        _card("What it cost", mark, _costs(r)),
        _card("Risk state", mark, _risk(r)),
        "</div>",
        _card("What each decision cost", mark, shortfall_card(r)),
        _card("Fills", mark, _fills(r)),
        "</section>",
    ]
    return "\n".join(parts)


def _card(title: str, mark: str, body: str) -> str:
    return f'<div class="card"><h3>{esc(title)}{mark}</h3>{body}</div>'


def _alerts(r: RegionReport) -> str:
    failed = [c for c in r.checks if not c.passed and c.blocking]
    lines = [f"{c.feed}: {c.check} failed. {c.message}".strip() for c in failed] + list(r.notes)
    if not lines:
        return ""
    return '<div class="alert" role="note">' + "".join(f"<p>{esc(line)}</p>" for line in lines) + "</div>"


def _tiles(r: RegionReport) -> str:
    rows_in, refused = sum(f.rows_in for f in r.feeds), sum(f.rows_refused for f in r.feeds)
    passed = sum(c.passed for c in r.checks)
    failed = len(r.checks) - passed
    decisions = Counter(o.decision for o in r.orders)
    told = ", ".join(f"{n} {_DONE.get(name, name.lower())}" for name, n in sorted(decisions.items()))
    filled = sum(o.filled_qty > 0 for o in r.orders)
    tiles = [
        tile("Rows in", number(rows_in), f"{number(refused)} refused", "bad" if refused else ""),
        tile(
            "Checks passed",
            f"{passed} of {len(r.checks)}",
            f"{failed} failed" if failed else "none failed",
            "bad" if failed else "",
        ),
        tile("Orders", number(len(r.orders)), told or "none made"),
        tile("Fills", number(len(r.fills)), f"{number(filled)} orders filled, in part or whole"),
        tile("Cost", bp(r.costs.shortfall_bp if r.costs else None), "against the price at arrival"),
    ]
    if r.risk is not None:
        change = r.risk.equity / r.risk.baseline - 1 if r.risk.baseline else None
        tiles.append(
            tile(
                "Equity",
                compact(r.risk.equity),
                f"{r.currency}, {signed_percent(change, 2)} on the session",
            )
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _feeds(r: RegionReport) -> str:
    feeds = table(
        "Rows by feed",
        [("feed", "text"), ("rows in", "num"), ("refused", "num"), ("version", "text")],
        [
            [
                esc(f.feed),
                number(f.rows_in),
                chip(number(f.rows_refused), "bad") if f.rows_refused else number(0),
                f"<code>{esc(f.version)}</code>" if f.version else "–",
            ]
            for f in r.feeds
        ],
    )
    ordered = sorted(r.checks, key=lambda c: (c.passed, c.feed, c.check))
    checks = table(
        "Checks, failures first",
        [("check", "text"), ("feed", "text"), ("outcome", "text"), ("what it saw", "text")],
        [
            [
                esc(c.check),
                esc(c.feed),
                chip("passed", "good")
                if c.passed
                else chip("blocked" if c.blocking else "warned", "bad" if c.blocking else "warn"),
                esc(c.message) or "–",
            ]
            for c in ordered
        ],
    )
    if any(not c.passed for c in r.checks) or len(r.checks) <= 6:
        return feeds + "<h4></h4>" + checks
    return feeds + f"<details><summary>All {len(r.checks)} checks passed</summary>{checks}</details>"


def _backtest(r: RegionReport) -> str:
    drawn = [s for s in r.strategies if len(s.sessions) >= 2]
    if not r.strategies:
        return '<p class="nothing">No backtest in this run.</p>'
    ordered = sorted(r.strategies, key=lambda s: not s.combined)
    figures = table(
        "Net of modelled costs; the past of a model is not its future",
        [
            ("strategy", "text"),
            ("family", "text"),
            ("return p.a.", "num"),
            ("volatility", "num"),
            ("Sharpe", "num"),
            ("interval", "num"),
            ("P(better than luck)", "num"),
            ("max drawdown", "num"),
            ("turnover p.a.", "num"),
            ("trials", "num"),
        ],
        [_strategy_row(s) for s in ordered],
    )
    if not drawn:
        return figures
    drawn = sorted(drawn, key=lambda s: not s.combined)
    legend = "".join(
        f'<li class="{series_class(order)}"><span>{esc(s.name)}</span></li>'
        for order, s in zip(series_orders(drawn), drawn, strict=True)
    )
    span = f"{min(s.sessions[0] for s in drawn)} to {max(s.sessions[-1] for s in drawn)}"
    names = ", ".join(s.name for s in drawn)
    equity = equity_chart(drawn, f"eq-{r.region}", f"Gain since the start, {span}: {names}")
    drawdown = drawdown_chart(drawn, f"dd-{r.region}", f"Drawdown from the highest equity, {span}: {names}")
    return (
        f'<ul class="legend">{legend}</ul><div class="pair"><div><h4>Gain since the start</h4>{equity}</div>'
        f"<div><h4>Drawdown from the highest equity</h4>{drawdown}</div></div>{figures}"
    )


def _strategy_row(s: StrategyResult) -> Sequence[str]:
    interval = "–"
    if s.sharpe_low is not None and s.sharpe_high is not None:
        interval = f"{number(s.sharpe_low, 2)} to {number(s.sharpe_high, 2)}"
    return [
        esc(s.name),
        esc(s.family),
        signed_percent(s.annual_return),
        percent(s.annual_volatility),
        number(s.sharpe, 2),
        interval,
        percent(s.deflated_sharpe, 0),
        percent(s.max_drawdown),
        number(s.turnover, 1) + ("×" if s.turnover is not None else ""),
        number(s.trials),
    ]


def _exposure(r: RegionReport) -> str:
    if not r.exposure:
        return '<p class="nothing">No position.</p>'
    over = [e.sector for e in r.exposure if e.weight > r.sector_limit + 1e-9]
    chart = exposure_chart(
        r.exposure,
        r.sector_limit,
        f"ex-{r.region}",
        f"Exposure by sector against the limit of {percent(r.sector_limit, 0)} of equity: "
        + ", ".join(f"{e.sector} {percent(e.weight)}" for e in r.exposure),
    )
    said = f"Over the limit: {', '.join(over)}." if over else "Every sector is within the limit."
    return f'{chart}<p class="nothing">{esc(said)} Share of equity.</p>'


def _outcomes(r: RegionReport) -> str:
    if not r.orders:
        return '<p class="nothing">No order was made.</p>'
    decisions = Counter(o.decision for o in r.orders)
    most = max(decisions.values())
    bars = "".join(
        bar_row(name, n, most, f"{n} of {len(r.orders)}", _DECISION.get(name, "plain"))
        for name, n in sorted(decisions.items(), key=lambda item: (-item[1], item[0]))
    )
    reasons: Counter[tuple[str, str]] = Counter()
    cut: Counter[tuple[str, str]] = Counter()
    for o in r.orders:
        if o.decision != "APPROVE":
            reasons[(o.decision, o.reason)] += 1
            cut[(o.decision, o.reason)] += o.requested_qty - o.approved_qty
    if not reasons:
        return bars + '<p class="nothing">Nothing was reduced or rejected.</p>'
    return (
        bars
        + "<h4></h4>"
        + table(
            "Why orders were reduced or rejected",
            [("reason", "text"), ("decision", "text"), ("orders", "num"), ("shares cut", "num")],
            [
                [
                    esc(reason or "none given"),
                    chip(decision, _DECISION.get(decision, "plain")),
                    number(n),
                    number(cut[(decision, reason)]),
                ]
                for (decision, reason), n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            ],
        )
    )


def _targets(r: RegionReport) -> str:
    ordered = sorted(r.targets, key=lambda t: (-abs(t.weight), t.label))
    columns = [("name", "text"), ("sector", "text"), ("weight", "num")]
    rows = [[esc(t.label), esc(t.sector), percent(t.weight, 2)] for t in ordered]
    gross = sum(abs(t.weight) for t in ordered)
    shown = rows[:_TOP_TARGETS]
    caption = f"The {len(shown)} largest of {len(rows)} targets, {percent(gross)} of equity in all"
    top = table(caption, columns, shown)
    rest = rows[_TOP_TARGETS:]
    if not rest:
        return top
    return (
        top + f"<details><summary>{len(rest)} more</summary>{table('Other targets', columns, rest)}</details>"
    )


def _closes(r: RegionReport) -> str:
    ordered = sorted(r.closes, key=lambda c: (c.reason, c.label))
    reasons = Counter(c.reason for c in ordered)
    told = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    return table(
        f"Positions closed by orders of its own: {told}; no strategy owns them",
        [
            ("name", "text"),
            ("side", "text"),
            ("orders", "num"),
            ("shares", "num"),
            ("price", "num"),
            ("fees", "num"),
            ("why", "text"),
            ("last order", "text"),
        ],
        [
            [
                esc(c.label),
                esc(c.side or "–"),
                number(c.orders),
                number(c.filled_qty),
                "–" if c.price is None else number(c.price, 3),
                number(c.fee, 2),
                esc(c.reason),
                esc(c.state),
            ]
            for c in ordered
        ],
    )


def _orders(r: RegionReport) -> str:
    def rows(orders: Sequence[OrderLine]) -> list[list[str]]:
        return [
            [
                esc(o.label),
                esc(o.side),
                number(o.requested_qty),
                number(o.approved_qty),
                number(o.filled_qty),
                chip(o.decision, _DECISION.get(o.decision, "plain")),
                esc(o.reason) if o.decision != "APPROVE" else "–",
                esc(o.state),
            ]
            for o in orders
        ]

    columns = [
        ("name", "text"),
        ("side", "text"),
        ("asked", "num"),
        ("approved", "num"),
        ("filled", "num"),
        ("decision", "text"),
        ("reason", "text"),
        ("state", "text"),
    ]
    ordered = sorted(r.orders, key=lambda o: o.order_id)
    changed = [o for o in ordered if o.decision != "APPROVE"]
    if not ordered:
        return '<p class="nothing">No order was made.</p>'
    first = table("Reduced and rejected", columns, rows(changed))
    every = table("All orders", columns, rows(ordered))
    return first + f"<details><summary>All {len(ordered)} orders</summary>{every}</details>"


def _costs(r: RegionReport) -> str:
    c = r.costs
    if c is None:
        return '<p class="nothing">Nothing was handed to the runtime.</p>'
    parts = [
        ("Spread", c.spread_bp, "warn"),
        ("Impact and delay", c.impact_bp, ""),
        ("Fees", c.fee_bp, "plain"),
    ]
    largest = max([abs(v) for _, v, _ in parts if v is not None], default=0.0)
    bars = "".join(
        bar_row(
            name,
            abs(value) if value is not None else 0.0,
            largest,
            bp(value) if value is not None else ("not seen" if name == "Spread" and c.filled_orders else "–"),
            "good" if value is not None and value < 0 else kind,
        )
        for name, value, kind in parts
    )
    sources = table(
        f"By source of prices; {number(c.notional)} {r.currency} traded",
        [
            ("source", "text"),
            ("filled", "num"),
            ("spread", "num"),
            ("impact", "num"),
            ("fees", "num"),
            ("all", "num"),
        ],
        [
            [
                esc(s.source),
                number(s.filled_orders),
                bp(s.spread_bp) if s.spread_measured else "not seen",
                bp(s.impact_bp),
                bp(s.fee_bp),
                bp(s.shortfall_bp),
            ]
            for s in c.by_source
        ],
    )
    notes = "".join(f"<li>{esc(note)}</li>" for note in c.notes)
    return (
        f'<p class="nothing">Implementation shortfall {bp(c.shortfall_bp)}, '
        f"{number(c.shortfall, 2)} {esc(r.currency)}; a negative part is money gained.</p>"
        f"{bars}<h4></h4>{sources}" + (f'<ul class="notes">{notes}</ul>' if notes else "")
    )


def _risk(r: RegionReport) -> str:
    k = r.risk
    if k is None:
        return '<p class="nothing">The risk gateway was not asked.</p>'
    change = k.equity / k.baseline - 1 if k.baseline else None
    rows = [
        ["Trading state", chip(k.trading_state, _STATE.get(k.trading_state, "plain"))],
        ["Equity", f"{number(k.equity, 2)} {esc(r.currency)}"],
        ["At the session's start", f"{number(k.baseline, 2)} {esc(r.currency)}"],
        ["Change", signed_percent(change, 2)],
        ["Cash", f"{number(k.cash, 2)} {esc(r.currency)}"],
    ]
    if k.frames_to_risk is not None:
        rows.append(["Frames sent to the gateway", number(k.frames_to_risk)])
    for name, value in (("Limits", k.limits_hash), ("Reference file", k.reference_hash)):
        if value:
            rows.append([name, f"<code>{esc(value)}</code>"])
    return table("As the risk gateway reported it", [("what", "text"), ("value", "value")], rows)


def _fills(r: RegionReport) -> str:
    rows = [
        [
            f.at.strftime("%H:%M:%S"),
            esc(f.label),
            esc(f.side),
            number(f.qty),
            number(f.price, 3),
            number(f.fee, 2),
            esc(f.source),
        ]
        for f in sorted(r.fills, key=lambda f: (f.at, f.label))
    ]
    body = table(
        f"{number(len(rows))} fills; times are UTC on the replayed clock",
        [
            ("time", "text"),
            ("name", "text"),
            ("side", "text"),
            ("shares", "num"),
            ("price", "num"),
            ("fee", "num"),
            ("price source", "text"),
        ],
        rows,
    )
    if len(rows) <= 12:
        return body
    sources = Counter(f.source for f in r.fills)
    told = ", ".join(f"{number(n)} at {source}" for source, n in sources.most_common())
    return (
        f'<p class="nothing">{number(len(rows))} fills: {esc(told)}.</p>'
        f"<details><summary>Every fill</summary>{body}</details>"
    )
