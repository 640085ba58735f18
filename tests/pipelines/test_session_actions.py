"""What the account is told of corporate actions before a session, and what stops the hand-off."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from dnalyaw import runtime
from dnalyaw.market import account_actions
from dnalyaw_pipelines import session_actions, trading
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.session_actions import SessionActions, announced_actions, due_actions, held_through
from dnalyaw_pipelines.trading import HandoffRefusedError, split_ratios
from tests.market.action_frames import action, actions, day

ROWS = (
    action(3, "split", ratio=2.0),
    action(3, "stock_dividend", ratio=0.3),
    action(3, "dividend", amount=0.5),
    action(3, "symbol_change", key=2),
    action(3, "merger", key=3, amount=27.5, other_id=9),
    action(3, "dividend", key=3, amount=1.0),
    action(3, "merger", key=4, amount=5.0, ratio=0.5, other_id=9),
    action(3, "rights", key=5, ratio=0.3, price=4.0),
    action(3, "spin_off", key=6, ratio=0.2, other_id=8),
    action(2, "delisting", key=7, amount=1.5),
)


def test_what_can_be_said_exactly_is_translated_and_the_rest_kept() -> None:
    told = account_actions(actions(*ROWS))
    # By day; of one day cash first, for it is per old share, then shares, then the end.
    assert told.applied.select("instrument_id", "ex_date", "kind", "ratio", "amount").rows() == [
        (7, day(2), "delisting", None, 1.5),
        (1, day(3), "dividend", None, 0.5),
        (1, day(3), "split", 2.0, None),
        (1, day(3), "split", 1.3, None),
        (3, day(3), "dividend", None, 1.0),
        (3, day(3), "delisting", None, 27.5),
    ]
    assert told.inexpressible.select("instrument_id", "kind").rows() == [
        (4, "merger"),
        (5, "rights"),
        (6, "spin_off"),
    ]
    assert told.names()[0] == f"instrument 4: merger of {day(3)}"
    # Thirteen new shares for ten old ones, exactly, and twice that.
    assert split_ratios(told.applied) == {1: runtime.exact_ratio(2.6)}


def test_no_row_is_lost_whatever_its_kind() -> None:
    told = account_actions(actions(*ROWS))
    gone = 1  # the symbol change, which changes nothing
    assert told.applied.height + told.inexpressible.height + gone == len(ROWS)


def test_the_venues_file_takes_no_other_kind(tmp_path: Path) -> None:
    for kind in ("stock_dividend", "rights", "spin_off", "merger", "symbol_change"):
        with pytest.raises(
            ValueError, match=f"instrument 1: the venue applies split, dividend, delisting and no {kind}"
        ):
            runtime.write_market(
                runtime.Layout(tmp_path, "US"),
                day(3),
                pl.DataFrame(
                    schema={
                        "event_time": pl.Datetime("us", "UTC"),
                        "instrument_id": pl.Int64,
                        "kind": pl.String,
                    }
                    | dict.fromkeys(("bid", "ask", "bid_size", "ask_size"), pl.Float64)
                    | {"source": pl.String}
                ),
                {},
                times=(action(3, kind)["event_time"], action(3, kind)["event_time"] + timedelta(hours=1), []),
                actions=actions(action(3, kind)),
                currency="USD",
                seed=1,
            )
    assert not (tmp_path / "market" / f"{day(3)}.json").exists()


def read_as(monkeypatch: pytest.MonkeyPatch, table: pl.DataFrame) -> Home:
    monkeypatch.setattr(session_actions, "published_table", lambda *_: SimpleNamespace(read=lambda _: table))
    return cast(Home, SimpleNamespace(as_of=lambda *_: None))


def test_what_is_due_is_what_fell_due_since_the_venue_last_began(monkeypatch: pytest.MonkeyPatch) -> None:
    table = actions(
        *ROWS, action(4, "rights", key=10, ratio=0.1, price=1.0), action(1, "split", key=1, ratio=3.0)
    )
    announced = announced_actions(read_as(monkeypatch, table), "US", "p", day(3))
    assert announced.names() == {4, 5, 6}
    assert announced.applied["instrument_id"].to_list() == [1, 7, 1, 1, 1, 3, 3]
    due = due_actions(announced, day(3), day(1))
    assert due.applied["instrument_id"].to_list() == [7, 1, 1, 1, 3, 3]
    assert due_actions(announced, day(3), None).applied["instrument_id"].to_list() == [1, 1, 1, 3, 3]
    assert due_actions(announced, day(3), None).names() == {4, 5, 6}
    none = announced_actions(read_as(monkeypatch, actions()), "US", "p", day(3))
    assert (none.applied.height, due_actions(none, day(3), None).names()) == (0, frozenset())


def report_of(tmp_path: Path, **held: int) -> Path:
    path = tmp_path / "report.json"
    positions = [{"instrument_id": name.removeprefix("i"), "qty": str(qty)} for name, qty in held.items()]
    path.write_text(json.dumps({"positions": positions}))
    return path


def test_a_held_name_stops_the_hand_off_and_another_does_not(tmp_path: Path) -> None:
    stuck = account_actions(actions(*ROWS)).inexpressible
    assert held_through(stuck, day(2), report_of(tmp_path, i1=100, i5=0)) == ""
    reason = held_through(stuck, day(2), report_of(tmp_path, i1=100, i6=-40))
    assert f"the account holds -40 shares of instrument 6 through its spin_off of {day(3)}" in reason
    assert "Nothing was handed off" in reason
    # A new account holds nothing; one whose last session has no report may hold anything.
    assert held_through(stuck, None, None) == ""
    unknown = held_through(stuck, day(2), tmp_path / "none.json")
    assert f"what the account holds after {day(2)} is not known" in unknown
    assert f"instrument 4 (merger of {day(3)}), instrument 5 (rights of {day(3)})" in unknown
    # Where nothing of the kind is due, nobody asks.
    assert held_through(stuck.clear(), day(2), tmp_path / "none.json") == ""


def test_nothing_is_written_for_a_session_that_cannot_be_gone_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = actions(*ROWS)
    monkeypatch.setattr(trading, "announced_actions", lambda *_: SessionActions(table.clear(), table))
    monkeypatch.setattr(trading, "last_begun", lambda *_: day(2))
    monkeypatch.setattr(trading, "execution_path", lambda *_: report_of(tmp_path, i5=10))
    home = SimpleNamespace(
        runtime=lambda _: tmp_path / "us",
        traded_session=lambda *_: day(3),
        as_of=lambda *_: None,
        config=lambda: None,
    )
    with pytest.raises(
        HandoffRefusedError, match=f"the US hand-off for {day(3)} was not made: .*instrument 5"
    ):
        trading.prepare(cast(Home, home), "US", "p", pl.DataFrame(), [], 1.0)
    assert not (tmp_path / "us").exists()


def reference_row(monkeypatch: pytest.MonkeyPatch, inexpressible: frozenset[int]) -> dict[str, Any]:
    listed = pl.DataFrame(
        {
            **{
                "instrument_id": [5],
                "issuer_id": [5],
                "label": ["E.NYSE"],
                "ticker": ["E"],
                "sector": ["tech"],
            },
            **{
                "lot": [1],
                "tick": [0.01],
                "currency": ["USD"],
                "venue": ["NYSE"],
                "valid_from": [date(2019, 1, 1)],
            },
            **{"valid_to": [None], "delisted_on": [None]},
        },
        schema_overrides={"valid_to": pl.Date, "delisted_on": pl.Date},
    )
    monkeypatch.setattr(trading, "published_table", lambda *_: SimpleNamespace(read=lambda _: listed))
    panel = pl.DataFrame(
        {
            **{
                "instrument_id": [5],
                "session": [day(2)],
                "raw_close": [10.0],
                "raw_volume": [1e3],
                "returns": [0.01],
            },
            **{"adj_close": [10.0], "adj_open": [10.0], "adj_volume": [1e3]},
            "available_at": [action(2, "split")["event_time"]],
        },
        schema_overrides={"available_at": pl.Datetime("us", "UTC")},
    )
    home = SimpleNamespace(
        traded_session=lambda *_: day(3),
        as_of=lambda *_: SimpleNamespace(moment=action(3, "split")["event_time"]),
    )
    none = actions()
    (row,) = trading.reference_rows(
        cast(Home, home), "US", day(2).isoformat(), panel, none, none, inexpressible
    )
    return row


def test_nothing_opens_in_a_name_the_venue_cannot_carry_through(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = reference_row(monkeypatch, frozenset())
    assert (plain["restricted"], plain["close_micro"]) == (False, 10_000_000)
    # Its last close is of before: it is no price to hold the first one against.
    stuck = reference_row(monkeypatch, frozenset({5}))
    assert (stuck["restricted"], stuck["close_micro"]) == (True, 0)
