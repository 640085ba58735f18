"""A small account with the production engine: a million in cash, names at 100.00."""

from __future__ import annotations

from dnalyaw._native import risk

ONE = 1_000_000
SECOND = 1_000_000_000
T0 = 1_763_994_600_000_000_000
SESSION = 20251124


def row(instrument_id: int, **changes: object) -> risk.ReferenceRow:
    base: dict[str, object] = {
        "instrument_id": instrument_id,
        "issuer_id": instrument_id,
        "sector": "tech",
        "venue": "XNAS",
        "lot": 1,
        "tick_micro": 10_000,
        "tradable": True,
        "volatility_bp": 200,
        "adv": 1_000_000,
        "locate": 0,
        "close_micro": 100 * ONE,
        "label": "ignored",
    }
    return base | changes  # type: ignore[return-value]


def engine(*rows: risk.ReferenceRow, strategies: tuple[str, ...] = (), **limits: int) -> risk.RiskEngine:
    """Every instrument priced by a print of 100.00; instruments 1 and 2 when none are named."""
    names = rows or (row(1), row(2))
    built = risk.RiskEngine(names, strategies=strategies, **limits)  # type: ignore[arg-type]
    built.set_session(SESSION)
    built.set_cash(1_000_000 * ONE)
    for name in names:
        built.set_price(name["instrument_id"], last_micro=100 * ONE, ts_ns=T0)
    return built


def buy(built: risk.RiskEngine, quantity: int, instrument_id: int = 1, **changes: object) -> risk.DecisionRow:
    """A buy at 100.00 with a stop of 2.00."""
    terms: dict[str, object] = {
        "now_ns": T0,
        "limit_price_micro": 100 * ONE,
        "stop_distance_micro": 2 * ONE,
    }
    return built.decide(instrument_id, "buy", quantity, **(terms | changes))  # type: ignore[arg-type]


def outcome(decision: risk.DecisionRow) -> tuple[str, str, int]:
    return decision["decision"], decision["reason"], decision["approved_quantity"]
