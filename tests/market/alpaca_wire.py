"""A server that speaks as Alpaca's documentation says its Market Data API v2 and v1 and its trading API v2 do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.market.wire import Answer, Asked, ok

AAPL = "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"
META = "fc6a5dcd-4a70-4b8d-b64f-d83a6dae9ba4"
NEW_YORK = ZoneInfo("America/New_York")

Row = tuple[date, float, float, float, float, int]


def bar(row: Row) -> dict[str, Any]:
    """A daily bar in Alpaca's form: stamped at midnight in New York."""
    day, o, h, lo, c, v = row
    at = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).astimezone(UTC)
    return {"t": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "o": o, "h": h, "l": lo, "c": c, "v": v, "n": 9, "vw": c}


@dataclass
class Alpaca:
    """What the server knows; a handler for `wire`.

    Attributes
    ----------
    bars : dict
        Rows by ticker, ascending.
    actions : dict
        By category.
    assets : dict
        By ticker: what `/v2/assets/TICKER` answers.
    page : int
        Bars a page.
    """

    bars: dict[str, list[Row]] = field(default_factory=dict)
    actions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 1000
    keys: tuple[str, str] = ("PKTEST0000", "s3cretS3CRET")

    def list(self, symbol: str, asset_id: str = AAPL, exchange: str = "NASDAQ", **more: Any) -> None:
        """Add an asset."""
        self.assets[symbol] = {
            "id": asset_id,
            "class": "us_equity",
            "exchange": exchange,
            "symbol": symbol,
            "name": f"{symbol} Inc. Common Stock",
            "status": "active",
            "tradable": True,
            "attributes": [],
        } | more

    def __call__(self, asked: Asked) -> Answer:
        if (asked.headers.get("apca-api-key-id"), asked.headers.get("apca-api-secret-key")) != self.keys:
            return Answer(403, b'{"message": "forbidden."}')
        if asked.path.startswith("/v2/assets/"):
            symbol = asked.path.removeprefix("/v2/assets/")
            if symbol not in self.assets:
                return Answer(
                    404, b'{"code": 40410000, "message": "asset not found for %s"}' % symbol.encode()
                )
            return ok(self.assets[symbol])
        if asked.path == "/v2/stocks/bars":
            return self._bars(asked.params)
        if asked.path == "/v1/corporate-actions":
            symbols = set(asked.params["symbols"].split(","))
            first, last = asked.params["start"], asked.params["end"]
            held = {
                kind: [
                    row
                    for row in rows
                    if symbols & {v for k, v in row.items() if k.endswith("symbol")}
                    and first <= row["process_date"] <= last
                ]
                for kind, rows in self.actions.items()
            }
            return ok({"corporate_actions": {k: v for k, v in held.items() if v}, "next_page_token": None})
        return Answer(404, b'{"message": "endpoint not found."}')

    def _bars(self, params: dict[str, str]) -> Answer:
        assert params["adjustment"] == "raw"
        assert params["timeframe"] == "1Day"
        assert date.fromisoformat(params["asof"])
        symbol = params["symbols"]
        rows = [
            row
            for row in self.bars.get(symbol, [])
            if params["start"] <= row[0].isoformat() and bar(row)["t"] <= params["end"]
        ]
        skip = int(params.get("page_token", "0"))
        part, rest = rows[skip : skip + self.page], rows[skip + self.page :]
        token = str(skip + self.page) if rest else None
        return ok({"bars": {symbol: [bar(row) for row in part]} if part else {}, "next_page_token": token})


def flat(days: Iterable[date], price: float = 100.0) -> list[Row]:
    """Bars that hardly move."""
    return [
        (day, price, price + 1, price - 1, price + 0.25 * (i % 3), 1000 + i) for i, day in enumerate(days)
    ]
