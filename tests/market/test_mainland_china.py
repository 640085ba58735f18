"""Mainland China from a folder of files to gates and identity."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dnalyaw.market import InstrumentMaster
from dnalyaw.market.providers import ProviderError, open_provider
from dnalyaw.pit import AsOf
from dnalyaw.quality import GateContext, run_rules

BARS = """label,session,open,high,low,close,volume
600000.SSE,2024-02-29,7.00,7.10,6.95,7.05,1000000
000001.SZSE,2024-02-29,10.40,10.60,10.30,10.50,2000000
600000.SSE,2024-03-01,7.05,7.15,7.00,7.10,900000
000001.SZSE,2024-03-01,10.50,10.55,10.35,10.40,1800000
"""


def _folder(tmp_path: Path, instruments: str = "") -> Path:
    (tmp_path / "CN").mkdir()
    (tmp_path / "CN" / "bars.csv").write_text(BARS)
    if instruments:
        (tmp_path / "CN" / "instruments.csv").write_text(instruments)
    return tmp_path


def test_a_folder_of_shanghai_and_shenzhen(tmp_path: Path) -> None:
    provider = open_provider(f"csvdir:{_folder(tmp_path)}")
    assert provider.regions() == ("CN",)
    days = [date(2024, 2, 29), date(2024, 3, 1)]
    assert provider.sessions("CN") == days
    bars = provider.fetch("bars", "CN", *days)
    # 15:00 in Shanghai.
    assert bars["event_time"][0] == datetime(2024, 2, 29, 7, 0, tzinfo=UTC)
    assert bars["currency"].unique().to_list() == ["CNY"]
    table = provider.fetch("instruments", "CN", *days)
    assert table.select("lot", "tick", "currency").unique().rows() == [(100, 0.01, "CNY")]
    master = InstrumentMaster(table, AsOf(datetime(2024, 3, 2, tzinfo=UTC)))
    shenzhen = master.on(master.resolve("000001", days[1]), days[1])
    assert (shenzhen.label, shenzhen.venue, shenzhen.lot) == ("000001.SZSE", "SZSE", 100)
    context = GateContext(region="CN", session=days[1], expected_sessions=tuple(days), genesis=True)
    assert [f for f in run_rules("instruments", table, context) if f.rule in ("labels", "spans")] == []


def test_classes_are_read_and_judged(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        "label,asset_class,multiplier,expires_on\n600000.SSE,,,\n000001.SZSE,future,300,2024-03-15\n",
    )
    table = open_provider(f"csvdir:{folder}").fetch("instruments", "CN", date(2024, 2, 29), date(2024, 3, 1))
    rows = table.sort("label").select("asset_class", "multiplier", "expires_on").rows()
    assert rows == [("future", 300.0, date(2024, 3, 15)), (None, None, None)]
    (folder / "CN" / "instruments.csv").write_text(
        "label,asset_class\n600000.SSE,share\n000001.SZSE,equity\n"
    )
    with pytest.raises(
        ProviderError, match=r"line 2, column asset_class holds 'share'; use one of equity, etf"
    ):
        open_provider(f"csvdir:{folder}").fetch("instruments", "CN", date(2024, 2, 29), date(2024, 3, 1))
