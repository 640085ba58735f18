"""NautilusTrader's own pre-trade check on the orders that our engine is measured on, where its wheel is installed.

``python -m dnalyaw_pipelines.bench._nautilus ORDERS`` runs in a process of its own and prints one JSON object. Two things
are timed: the check (`SubmitOrder` through the message bus to the risk engine, and on to where execution begins), and the
same with what the platform does to keep the account's locked balance when the order is acknowledged and when it is
cancelled: what our figure contains too.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnalyaw_pipelines.bench import BenchError

WARM_UP = 200
RESTING = 1_000
VENUE = "XNYS"
KEYS = (
    "nautilus_us",
    "nautilus_us_1000_resting",
    "nautilus_cycle_us",
    "nautilus_cycle_us_1000_resting",
    "nautilus_cycle_us_1000_in_one_name",
)


def measure(ours: dict[str, Any], orders: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure it, and how many times our own figures it is.

    Returns
    -------
    dict
        Medians in microseconds, or None for each with ``nautilus_reason`` where the wheel is absent.
    """
    if importlib.util.find_spec("nautilus_trader") is None:
        reason = "nautilus_trader is not installed: uv sync --extra bench"
        say(f"NautilusTrader: {reason}")
        return {**dict.fromkeys(KEYS), "nautilus_ratio": None, "nautilus_reason": reason}
    say("NautilusTrader: its check on the same orders")
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(orders)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"the measurement of NautilusTrader failed: {done.stderr[-2000:]}")
    theirs: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return theirs | {
        "nautilus_ratio": round(theirs["nautilus_us"] * 1_000 / ours["full_ns_500"], 1),
        "nautilus_cycle_ratio": round(theirs["nautilus_cycle_us"] * 1_000 / ours["full_ns_500"], 1),
        "nautilus_resting_ratio": round(
            theirs["nautilus_cycle_us_1000_resting"] * 1_000 / ours["full_ns_100k_resting"], 1
        ),
    }


class Desk:
    """A risk engine, a portfolio and a cache as NautilusTrader wires them, with a stub where execution would begin."""

    def __init__(self, names: list[dict[str, Any]]) -> None:
        from nautilus_trader.accounting.factory import AccountFactory
        from nautilus_trader.cache.cache import Cache
        from nautilus_trader.common.component import LiveClock, MessageBus
        from nautilus_trader.common.factories import OrderFactory
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.model.currencies import USD
        from nautilus_trader.model.enums import AccountType
        from nautilus_trader.model.events import AccountState
        from nautilus_trader.model.identifiers import AccountId, StrategyId, TraderId
        from nautilus_trader.model.objects import AccountBalance, Money
        from nautilus_trader.portfolio.portfolio import Portfolio
        from nautilus_trader.risk.config import RiskEngineConfig
        from nautilus_trader.risk.engine import RiskEngine

        clock = LiveClock()
        self.trader, self.strategy = TraderId("BENCH-1"), StrategyId("BENCH-1")
        self.account = AccountId(f"{VENUE}-1")
        self.bus = MessageBus(self.trader, clock)
        self.cache = Cache()
        self.portfolio = Portfolio(self.bus, self.cache, clock)
        # The rate of orders is not what is measured.
        config = RiskEngineConfig(max_order_submit_rate="1000000000/00:00:01")
        self.risk = RiskEngine(self.portfolio, self.bus, self.cache, clock, config=config)
        self.passed: list[Any] = []
        self.denied: list[Any] = []
        self.bus.register("ExecEngine.execute", self.passed.append)
        self.bus.register("ExecEngine.process", self.denied.append)
        cash = Money(2_000_000_000, USD)
        state = AccountState(
            account_id=self.account,
            account_type=AccountType.CASH,
            base_currency=USD,
            reported=True,
            balances=[AccountBalance(cash, Money(0, USD), cash)],
            margins=[],
            info={},
            event_id=UUID4(),
            ts_event=0,
            ts_init=0,
        )
        self.cache.add_account(AccountFactory.create(state))
        self.factory = OrderFactory(self.trader, self.strategy, clock)
        self.instruments = {name["instrument_id"]: self._list(name) for name in names}
        self.risk.start()

    def _list(self, name: dict[str, Any]) -> Any:
        from nautilus_trader.model.currencies import USD
        from nautilus_trader.model.data import QuoteTick
        from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
        from nautilus_trader.model.instruments import Equity
        from nautilus_trader.model.objects import Price, Quantity

        symbol = Symbol(f"N{name['instrument_id']}")
        identifier = InstrumentId(symbol, Venue(VENUE))
        self.cache.add_instrument(
            Equity(
                instrument_id=identifier,
                raw_symbol=symbol,
                currency=USD,
                price_precision=2,
                price_increment=Price.from_str("0.01"),
                lot_size=Quantity.from_int(name["lot"]),
                ts_event=0,
                ts_init=0,
            )
        )
        mid, size = name["price"] / 1_000_000, Quantity.from_int(1_000)
        self.cache.add_quote_tick(
            QuoteTick(identifier, Price(mid - 0.01, 2), Price(mid + 0.01, 2), size, size, 0, 0)
        )
        return identifier

    def order(self, row: dict[str, Any]) -> Any:
        """One of our orders as one of theirs."""
        from nautilus_trader.model.enums import OrderSide
        from nautilus_trader.model.objects import Price, Quantity

        identifier, quantity = self.instruments[row["instrument_id"]], Quantity.from_int(row["quantity"])
        if row["limit_price"]:
            price = Price(row["limit_price"] / 1_000_000, 2)
            return self.factory.limit(identifier, OrderSide.BUY, quantity, price)
        return self.factory.market(identifier, OrderSide.BUY, quantity)

    def submitted(self, order: Any) -> None:
        """What execution would do: into the cache, and on its way."""
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.model.events import OrderSubmitted

        self.cache.add_order(order, None)
        order.apply(
            OrderSubmitted(
                self.trader,
                self.strategy,
                order.instrument_id,
                order.client_order_id,
                self.account,
                UUID4(),
                0,
                0,
            )
        )
        self.cache.update_order(order)

    def reported(self, order: Any, kind: str) -> Any:
        """The venue's report (``OrderAccepted``, ``OrderCanceled``), applied to the order."""
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.model import events
        from nautilus_trader.model.identifiers import VenueOrderId

        event = getattr(events, kind)(
            self.trader,
            self.strategy,
            order.instrument_id,
            order.client_order_id,
            VenueOrderId(order.client_order_id.value),
            self.account,
            UUID4(),
            0,
            0,
        )
        order.apply(event)
        self.cache.update_order(order)
        return event

    def rest(self, rows: list[dict[str, Any]]) -> None:
        """Leave limit orders working."""
        for row in rows:
            order = self.order(row)
            self.submitted(order)
            self.portfolio.update_order(self.reported(order, "OrderAccepted"))

    def timed(self, rows: list[dict[str, Any]]) -> tuple[float, float]:
        """Median microseconds of the check, and of check, lock and release, over these orders."""
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.execution.messages import SubmitOrder

        now = time.perf_counter_ns
        checks, cycles = [], []
        for row in rows:
            order = self.order(row)
            command = SubmitOrder(self.trader, self.strategy, order, UUID4(), 0)
            start = now()
            self.bus.send("RiskEngine.execute", command)
            check = now() - start
            if not self.passed or self.passed.pop() is not command:
                raise RuntimeError(f"an order that should pass was denied: {self.denied}")
            self.submitted(order)
            accepted = self.reported(order, "OrderAccepted")
            start = now()
            self.portfolio.update_order(accepted)
            lock = now() - start
            cancelled = self.reported(order, "OrderCanceled")
            start = now()
            self.portfolio.update_order(cancelled)
            checks.append(check)
            cycles.append(check + lock + now() - start)
        return tuple(round(statistics.median(v[WARM_UP:]) / 1_000, 3) for v in (checks, cycles))  # type: ignore[return-value]


def main(path: str) -> None:
    """Measure with nothing resting, with orders resting in many names, and with all of them in one."""
    import nautilus_trader
    from nautilus_trader.accounting.factory import AccountFactory

    AccountFactory.register_calculated_account(VENUE)
    market = json.loads(Path(path).read_text())
    names, rows = market["names"], market["orders"]
    resting = [row for row in rows if row["limit_price"]]
    empty, many, one = Desk(names), Desk(names), Desk(names)
    many.rest(resting[:RESTING])
    one.rest([resting[0] | {"quantity": 1}] * RESTING)
    check, cycle = empty.timed(rows)
    crowded_check, crowded_cycle = many.timed(rows)
    here = resting[0] | {"quantity": 1}
    _, single_cycle = one.timed([here] * (WARM_UP + 100))
    figures = dict(zip(KEYS, (check, crowded_check, cycle, crowded_cycle, single_cycle), strict=True))
    figures["nautilus_version"] = nautilus_trader.__version__
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
