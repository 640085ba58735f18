"""Readers of filed figures: companyfacts, Financial Statement Data Sets, and the map of concepts."""

import gzip
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dnalyaw.market.fundamentals import (
    contradictions,
    fundamentals_feed,
    read_companyfacts,
    read_statement_sets,
)
from dnalyaw.market.providers import ProviderError, open_provider

SUB = (
    "adsh\tcik\tname\tsic\tcountryba\tstprba\tcityba\tzipba\tbas1\tbas2\tbaph\tcountryma\tstprma\tcityma\tzipma\tmas1\tmas2"
    "\tcountryinc\tstprinc\tein\tformer\tchanged\tafs\twksi\tfye\tform\tperiod\tfy\tfp\tfiled\taccepted\tprevrpt\tdetail"
    "\tinstance\tnciks\taciks"
)
NUM = "adsh\ttag\tversion\tddate\tqtrs\tuom\tsegments\tcoreg\tvalue\tfootnote"
OLD_NUM = "adsh\ttag\tversion\tcoreg\tddate\tqtrs\tuom\tvalue\tfootnote"
TAG = "tag\tversion\tcustom\tabstract\tdatatype\tiord\tcrdr\ttlabel\tdoc"
PRE = "adsh\treport\tline\tstmt\tinpth\trfile\ttag\tversion\tplabel\tnegating"
ADSH = "0000000009-24-000001"


def _sub(accepted: str = "2024-08-01 18:03:00.0") -> str:
    cells = dict.fromkeys(SUB.split("\t"), "")
    cells |= {"adsh": ADSH, "cik": "9", "name": "MADE CO", "form": "10-Q", "period": "20240630", "fy": "2024"}
    cells |= {"fp": "Q2", "filed": "20240802", "accepted": accepted, "prevrpt": "0", "nciks": "1"}
    return "\t".join(cells.values())


def _num(tag: str, quarters: int | str, value: str, *, ddate: str = "20240630", more: str = "\t") -> str:
    return f"{ADSH}\t{tag}\tus-gaap/2024\t{ddate}\t{quarters}\tUSD\t{more}\t{value}\t"


def _set(path: Path, *nums: str, sub: str | None = None, num: str = NUM, drop: str = "") -> Path:
    tags = [
        "Revenues\tus-gaap/2024\t0\t0\tmonetary\tD\tC\tRevenues\tAmount",
        "Assets\tus-gaap/2024\t0\t0\tmonetary\tI\tD\tAssets\tAmount",
    ]
    pre = [f'{ADSH}\t4\t1\tIS\t0\tH\tRevenues\tus-gaap/2024\tNet "sales"\t0']
    files = {
        "sub.txt": [SUB, sub or _sub()],
        "num.txt": [num, *nums],
        "tag.txt": [TAG, *tags],
        "pre.txt": [PRE, *pre],
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in files.items():
            if name != drop:
                archive.writestr(name, "\n".join(lines) + "\n")
    return path


def test_a_set_of_statements(tmp_path: Path) -> None:
    nums = [_num("Revenues", 1, "5.0"), _num("Revenues", 2, "9.0"), _num("Assets", 0, "70.0")]
    nums += [
        _num("Revenues", 1, "3.0", more="ProductOrService=Phone;\t"),
        _num("Revenues", 1, "1.0", more="\tSub"),
    ]
    facts = read_statement_sets(_set(tmp_path / "2024q3.zip", *nums))
    feed = fundamentals_feed(facts, {9: 1})
    rows = {(r["metric"], r["period_start"]): r for r in feed.iter_rows(named=True)}
    # Figures of a segment or a co-registrant are not the company's.
    assert {k: r["value"] for k, r in rows.items()} == {
        ("revenue", date(2024, 4, 1)): 5.0,
        ("revenue", date(2024, 1, 1)): 9.0,
        ("total_assets", None): 70.0,
    }
    # 18:03 in New York's summer.
    assert {r["available_at"] for r in rows.values()} == {datetime(2024, 8, 1, 22, 3, tzinfo=UTC)}
    assert facts.filter(concept="Revenues")["statement"].to_list() == ["IS", "IS"]
    winter = read_statement_sets(_set(tmp_path / "w.zip", *nums, sub=_sub("2024-01-05 16:30:00.0")))
    assert winter["accepted"][0] == datetime(2024, 1, 5, 21, 30, tzinfo=UTC)


def test_the_columns_of_older_sets(tmp_path: Path) -> None:
    line = f"{ADSH}\tRevenues\tus-gaap/2024\t\t20240630\t1\tUSD\t5.0000\t"
    assert read_statement_sets(_set(tmp_path / "2019q3.zip", line, num=OLD_NUM))["value"].to_list() == [5.0]


def test_a_stock_with_a_duration_is_named(tmp_path: Path) -> None:
    facts = read_statement_sets(_set(tmp_path / "a.zip", _num("Assets", 2, "70.0"), _num("Revenues", 2, "9")))
    (finding,) = contradictions(facts)
    assert (finding.concept, finding.accession) == ("Assets", ADSH)
    assert "its tag is a stock and it spans 2 quarters" in finding.what


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"nums": [_num("Revenues", 1, "x")]}, "num.txt line 2: column value is not a finite number"),
        ({"nums": [_num("Revenues", "", "1")]}, "num.txt line 2: column qtrs is not a whole number"),
        (
            {"nums": [_num("Revenues", 1, "1", ddate="20240631")]},
            "num.txt line 2: column ddate is not YYYYMMDD",
        ),
        (
            {"nums": [_num("Revenues", 1, "1").replace(ADSH, "x")]},
            "line 2: x Revenues is of a filing that sub.txt",
        ),
        ({"sub": _sub("yesterday")}, "sub.txt line 2: column accepted is not YYYY-MM-DD"),
        ({"drop": "tag.txt"}, "lacks tag.txt; give a zip of the Financial Statement"),
        ({"num": NUM.replace("uom", "unit")}, "num.txt lacks column uom"),
    ],
)
def test_broken_sets_are_named(tmp_path: Path, change: dict, match: str) -> None:
    nums = change.pop("nums", [_num("Revenues", 1, "1")])
    with pytest.raises(ProviderError, match=match):
        read_statement_sets(_set(tmp_path / "a.zip", *nums, **change))


def test_a_truncated_set_is_named(tmp_path: Path) -> None:
    whole = _set(tmp_path / "a.zip", _num("Revenues", 1, "1")).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProviderError, match=r"b\.zip: is no whole zip .* fetch it again"):
        read_statement_sets(tmp_path / "b.zip")


# -- companyfacts ------------------------------------------------------------------------------------------------


def company(*rows: dict, concept: str = "Revenues", unit: str = "USD", **more: dict) -> dict:
    facts = {"us-gaap": {concept: {"label": "", "description": "", "units": {unit: list(rows)}}, **more}}
    return {"cik": 9, "entityName": "MADE CO", "facts": facts}


def fact(value: float, *, filed: str = "2024-08-02", accn: str = ADSH, **more: object) -> dict:
    row = {"start": "2024-04-01", "end": "2024-06-30", "val": value, "accn": accn, "fy": 2024, "fp": "Q2"}
    return row | {"form": "10-Q", "filed": filed} | more


def _write(folder: Path, value: object, name: str = "CIK0000000009.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value))
    return path


def test_known_at_the_end_of_the_day_in_new_york_unless_accepted(tmp_path: Path) -> None:
    path = _write(tmp_path, company(fact(5.0)))
    (row,) = fundamentals_feed(read_companyfacts(path), {9: 1}).to_dicts()
    assert row["available_at"] == datetime(2024, 8, 3, 4, tzinfo=UTC)
    accepted = datetime(2024, 8, 1, 22, 3, tzinfo=UTC)
    (row,) = fundamentals_feed(read_companyfacts(path, {ADSH: accepted}), {9: 1}).to_dicts()
    assert (row["available_at"], row["value"], row["unit"]) == (accepted, 5.0, "USD")


def test_of_one_filing_the_total_is_taken_and_the_next_filing_may_use_another_tag(tmp_path: Path) -> None:
    other = {"units": {"USD": [fact(3.0), fact(6.0, filed="2025-08-01", accn="0000000009-25-000001")]}}
    value = company(fact(5.0), SalesRevenueNet=other)
    feed = fundamentals_feed(read_companyfacts(_write(tmp_path, value)), {9: 1})
    assert feed["value"].to_list() == [5.0, 6.0]


def test_a_translation_for_convenience_is_not_taken(tmp_path: Path) -> None:
    value = company(fact(5.0), fact(1.0, start="2023-04-01", end="2023-06-30"), unit="CNY")
    value["facts"]["us-gaap"]["Revenues"]["units"]["USD"] = [fact(0.7)]
    feed = fundamentals_feed(read_companyfacts(_write(tmp_path, value)), {9: 1})
    assert set(feed["unit"]) == {"CNY"}


def test_debt_is_added_up_within_one_filing(tmp_path: Path) -> None:
    at = {"end": "2024-06-30", "accn": ADSH, "form": "10-Q", "filed": "2024-08-02", "fy": 2024, "fp": "Q2"}
    parts = {"LongTermDebtCurrent": 10, "CommercialPaper": 1}
    more = {name: {"units": {"USD": [{**at, "val": v}]}} for name, v in parts.items()}
    value = company({**at, "val": 100}, concept="LongTermDebtNoncurrent", **more)
    (row,) = fundamentals_feed(read_companyfacts(_write(tmp_path, value)), {9: 1}).to_dicts()
    assert (row["metric"], row["value"], row["period_start"]) == ("total_debt", 111.0, None)


def test_two_filings_known_at_one_moment_give_one_row(tmp_path: Path) -> None:
    value = company(fact(5.0), fact(6.0, accn="0000000009-24-000002", form="10-Q/A"))
    feed = fundamentals_feed(read_companyfacts(_write(tmp_path, value)), {9: 1})
    assert feed["value"].to_list() == [6.0]


def test_half_a_year_in_a_report_of_nine_months_is_named(tmp_path: Path) -> None:
    good = company(fact(5.0), fact(9.0, start="2024-01-01"))
    assert contradictions(read_companyfacts(_write(tmp_path, good))) == []
    bad = company(fact(5.0, fp="Q3"), fact(9.0, start="2024-01-01", fp="Q3"))
    (finding,) = contradictions(read_companyfacts(_write(tmp_path, bad)))
    assert finding.period == "2024-01-01/2024-06-30"
    assert "its 10-Q is of Q3 and its dates span 182 days (half)" in finding.what


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (fact(5.0) | {"val": "5"}, "us-gaap:Revenues USD entry 1: val '5' is no number"),
        (fact(5.0, start="2024-07-01"), "entry 1: start 2024-07-01 is after end 2024-06-30"),
        (fact(5.0, filed="02.08.2024"), "entry 1: Invalid isoformat string"),
        ({k: v for k, v in fact(5.0).items() if k != "accn"}, "entry 1: lacks 'accn'"),
    ],
)
def test_broken_facts_are_named(tmp_path: Path, row: dict, match: str) -> None:
    with pytest.raises(ProviderError, match=match):
        read_companyfacts(_write(tmp_path, company(row)))


def test_cut_files_are_named(tmp_path: Path) -> None:
    text = json.dumps(company(fact(5.0)))
    (tmp_path / "a.json").write_text(text[:80])
    with pytest.raises(ProviderError, match=r"a\.json: is no JSON, or cut off"):
        read_companyfacts(tmp_path / "a.json")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(text.encode())[:60])
    with pytest.raises(ProviderError, match=r"a\.json\.gz: cannot be read"):
        read_companyfacts(tmp_path / "a.json.gz")


# -- a folder of them --------------------------------------------------------------------------------------------


def test_a_folder_as_a_provider(tmp_path: Path) -> None:
    _write(tmp_path, company(fact(5.0)))
    provider = open_provider(f"facts:{tmp_path}")
    assert provider.feeds("US") == ("fundamentals",)
    # Known in the night to Saturday 2024-08-03: with the session of Friday, before the decision of Monday.
    rows = provider.fetch("fundamentals", "US", date(2024, 8, 2), date(2024, 8, 2))
    assert rows.select("instrument_id", "value").rows() == [(9, 5.0)]
    assert provider.fetch("fundamentals", "US", date(2024, 8, 5), date(2024, 12, 31)).is_empty()
    (tmp_path / "instruments.csv").write_text("cik,instrument_id\n9,101\n9,102\n")
    rows = open_provider(f"facts:{tmp_path}").fetch(
        "fundamentals", "US", date(2024, 1, 2), date(2024, 12, 31)
    )
    assert sorted(rows["instrument_id"]) == [101, 102]
    (tmp_path / "instruments.csv").write_text("cik,instrument_id\n9,101\n8,101\n")
    with pytest.raises(ProviderError, match="line 3: instrument_id 101 is named twice"):
        open_provider(f"facts:{tmp_path}").fetch("fundamentals", "US", date(2024, 1, 2), date(2024, 12, 31))
    with pytest.raises(ProviderError, match="has filings and no bars"):
        provider.default_session("US", date(2024, 8, 2))
