"""NautilusTrader's own backtest on quotes and orders like those of `dnalyaw bench replay`, where its wheel is installed.

``python -m dnalyaw_pipelines.bench._replay_nautilus QUOTES ORDERS`` runs in a process of its own and prints one JSON
object: how many quotes a second its engine passes to a strategy that does nothing, and how many market orders a second it
takes from one that answers every quote of its names with an order. Loading the data is not counted, in its favour.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from dnalyaw_pipelines.bench import BenchError
from dnalyaw_pipelines.bench._replay_market import CENT, opened, prices, sessions

QUOTES, ORDERS, NAMES = 200_000, 5_000, 100
PUBLISHED = {"nautilus_published_orders_per_s": 12_000, "nautilus_published_quotes_per_s": 1_200_000}
"""NautilusTrader 2.0rc7, as its makers measured it on a machine of theirs; not measured here."""
KEYS = ("nautilus_orders_per_s", "nautilus_quotes_per_s")


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure it, or None for each figure with ``nautilus_reason`` where the wheel is absent."""
    if importlib.util.find_spec("nautilus_trader") is None:
        reason = "nautilus_trader is not installed: uv sync --extra bench"
        say(f"NautilusTrader: {reason}")
        return {**dict.fromkeys(KEYS), "nautilus_reason": reason, **PUBLISHED}
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(QUOTES), str(ORDERS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the measurement of NautilusTrader failed: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    say("NautilusTrader: " + ", ".join(f"{name} {figures[name]:,.0f}" for name in KEYS))
    return figures | PUBLISHED


def _engine(quotes: int) -> tuple[Any, list[Any]]:
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.data import QuoteTick
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import Equity
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.risk.config import RiskEngineConfig

    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            run_analysis=False,
            # The rate of orders is not what is measured.
            risk_engine=RiskEngineConfig(max_order_submit_rate="1000000000/00:00:01"),
        )
    )
    venue = Venue("SIM")
    engine.add_venue(
        venue=venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(1_000_000_000, USD)],
    )
    identifiers = [InstrumentId(Symbol(f"N{name}"), venue) for name in range(1, NAMES + 1)]
    for identifier in identifiers:
        engine.add_instrument(
            Equity(
                instrument_id=identifier,
                raw_symbol=identifier.symbol,
                currency=USD,
                price_precision=2,
                price_increment=Price.from_str("0.01"),
                lot_size=Quantity.from_int(1),
                ts_event=0,
                ts_init=0,
            )
        )
    begin, size = opened(sessions(1)[0]), Quantity.from_int(1_000)
    ticks = []
    for number, mid in enumerate(prices(NAMES, quotes, 1)):
        bid, ask = (Price(float(mid + side) * CENT / 1e6, 2) for side in (-1, 1))
        at = begin + number * 1_000_000
        ticks.append(QuoteTick(identifiers[number % NAMES], bid, ask, size, size, at, at))
    engine.add_data(ticks)
    return engine, identifiers


def _run(quotes: int, trade: bool) -> float:
    """Seconds of the engine's run."""
    from nautilus_trader.model.enums import OrderSide
    from nautilus_trader.model.objects import Quantity
    from nautilus_trader.trading.strategy import Strategy

    engine, identifiers = _engine(quotes)

    class Turning(Strategy):
        """Buys and sells in turn, or only listens."""

        sent = 0

        def on_start(self) -> None:
            self.size = Quantity.from_int(10)
            for identifier in identifiers:
                self.subscribe_quote_ticks(identifier)

        def on_quote_tick(self, tick: Any) -> None:
            if trade:
                side = OrderSide.SELL if self.sent // NAMES % 2 else OrderSide.BUY
                Turning.sent += 1
                self.submit_order(self.order_factory.market(tick.instrument_id, side, self.size))

    engine.add_strategy(Turning())
    start = time.perf_counter()
    engine.run()
    took = time.perf_counter() - start
    filled = sum(order.is_closed for order in engine.cache.orders())
    if filled != (quotes if trade else 0):
        raise RuntimeError(f"{filled} orders were filled, {quotes} quotes came")
    engine.dispose()
    return took


def main(quotes: int, orders: int) -> None:
    """Measure and print."""
    import nautilus_trader

    figures = {
        "nautilus_version": nautilus_trader.__version__,
        "nautilus_quotes_per_s": round(quotes / _run(quotes, trade=False)),
        "nautilus_orders_per_s": round(orders / _run(orders, trade=True)),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
