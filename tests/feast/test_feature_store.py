"""Feast with the store of our own, through Feast's own interface."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dnalyaw.factors import load_library
from dnalyaw.pit import AsOf
from dnalyaw.pit.feast import (
    FeatureStoreError,
    build_store,
    definitions,
    feature_view,
    latest,
    training_frame,
    view_name,
)

TIME = pl.Datetime("us", "UTC")
DAY = timedelta(days=1)
CLOSE = datetime(2024, 1, 1, 21, tzinfo=UTC)
NAMES = ["momentum", "value"]


def row(instrument: int, day: int, late: timedelta, momentum: float | None, value: float | None) -> tuple:
    close = CLOSE + day * DAY
    return (instrument, close.date(), close, close + late, momentum, value)


def write(path: Path, rows: list[tuple]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        rows,
        schema={
            "instrument_id": pl.Int64,
            "session": pl.Date,
            "event_time": TIME,
            "available_at": TIME,
            "momentum": pl.Float64,
            "value": pl.Float64,
        },
        orient="row",
    ).write_parquet(path)
    return path


QUARTER = timedelta(minutes=15)
ROWS = [
    row(1, 0, QUARTER, 0.1, 1.0),
    row(2, 0, QUARTER, 0.2, 2.0),
    row(1, 1, QUARTER, 0.3, 3.0),
    row(2, 1, 3 * DAY, 0.4, 4.0),
    # Session 0 of instrument 1 is told again, after session 1 is known.
    row(1, 0, 2 * DAY, 9.9, 9.9),
]


@pytest.fixture
def store(tmp_path: Path):
    write(tmp_path / "values" / "2024-01-02.parquet", ROWS)
    return build_store(tmp_path / "home", "US", NAMES, tmp_path / "values")


def entities(*rows: tuple[int, datetime]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"instrument_id": pl.Int64, "as_of": TIME}, orient="row")


def test_the_platforms_own_offline_store_answers(store) -> None:
    """Feast's stores drop rows, crash on a time to live, or look ahead: the registered one must be ours."""
    from dnalyaw.pit.feast import PolarsOfflineStore

    assert isinstance(store._get_provider().offline_store, PolarsOfflineStore)
    assert PolarsOfflineStore.supports_filter_by_created_timestamp is True


def test_a_training_frame_is_what_was_known(store) -> None:
    before_open = CLOSE + timedelta(hours=16)
    rows = [
        (1, CLOSE),
        (1, CLOSE + QUARTER),
        (2, before_open + DAY),
        (1, before_open + DAY),
        (1, before_open + 2 * DAY),
        (2, before_open + 4 * DAY),
        (2, before_open + 4 * DAY),
        (3, before_open),
    ]
    frame = training_frame(store, "US", entities(*rows).with_columns(tag=pl.lit("x")), NAMES)
    assert frame.columns == ["instrument_id", "as_of", "tag", "momentum", "value"]
    assert frame.select("instrument_id", "as_of").rows() == rows
    assert frame["momentum"].to_list() == [None, 0.1, 0.2, 0.3, 0.3, 0.4, 0.4, None]
    assert frame["value"].to_list() == [None, 1.0, 2.0, 3.0, 3.0, 4.0, 4.0, None]


def test_one_feature_and_the_order_asked_for(store) -> None:
    frame = training_frame(store, "US", entities((1, CLOSE + DAY)), ["value", "momentum"])
    assert frame.columns == ["instrument_id", "as_of", "value", "momentum"]
    assert training_frame(store, "US", entities((1, CLOSE + DAY)), ["value"]).columns[-1] == "value"


def test_look_ahead_is_impossible_even_when_feast_is_asked_without_the_filter(store) -> None:
    asked = entities((2, CLOSE + 1.5 * DAY)).rename({"as_of": "event_timestamp"})
    for frame in (asked, asked.to_pandas()):
        job = store.get_historical_features(
            entity_df=frame, features=["factors_us:momentum"], filter_by_created_timestamp=False
        )
        assert job.to_df()["momentum"].tolist() == [0.2]


def test_the_service_and_full_names(store) -> None:
    asked = entities((1, CLOSE + DAY)).rename({"as_of": "event_timestamp"})
    job = store.get_historical_features(
        entity_df=asked, features=store.get_feature_service("factors_us_all"), full_feature_names=True
    )
    assert job.to_arrow().column_names == [
        "instrument_id",
        "event_timestamp",
        "factors_us__momentum",
        "factors_us__value",
    ]


def test_the_time_to_live_of_the_view_holds(store) -> None:
    last = CLOSE + DAY
    frame = training_frame(
        store, "US", entities((1, last + 10 * DAY), (1, last + 10 * DAY + timedelta(seconds=1))), ["momentum"]
    )
    assert frame["momentum"].to_list() == [0.3, None]


def test_latest(store) -> None:
    moment = CLOSE + 1.5 * DAY
    wanted = [(1, moment, 0.3, 3.0), (2, moment, 0.2, 2.0)]
    assert latest(store, moment).rows() == wanted
    assert latest(store, AsOf(moment)).rows() == wanted
    assert latest(store, CLOSE).rows() == []
    assert latest(store, CLOSE + 60 * DAY).rows() == []
    assert latest(store, moment, ["value"], [3, 1]).rows() == [(1, moment, 3.0), (3, moment, None)]
    with pytest.raises(FeatureStoreError, match="no time zone"):
        latest(store, datetime(2024, 1, 1))
    with pytest.raises(FeatureStoreError, match="ingested_at"):
        latest(store, AsOf(moment, moment))


def test_the_future_changes_no_row_of_the_past(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [row(i, d, QUARTER, float(rng.normal()), float(rng.normal())) for i in range(5) for d in range(30)]
    cut = CLOSE + 20 * DAY
    changed = []
    for instrument, session, event, available, momentum, value in rows:
        if available <= cut:
            changed.append((instrument, session, event, available, momentum, value))
            # Everything that was known is told again after the cut.
            changed.append((instrument, session, event, cut + DAY, -1.0, -1.0))
        elif rng.random() < 0.7:
            changed.append((instrument, session, event, available, 1e6 * momentum, None))
    asked = entities(*((i, CLOSE + d * DAY + timedelta(hours=16)) for d in range(-1, 20) for i in range(6)))
    before = build_store(tmp_path / "a", "US", NAMES, write(tmp_path / "a.parquet", rows))
    after = build_store(tmp_path / "b", "US", NAMES, write(tmp_path / "b.parquet", changed))
    known = training_frame(before, "US", asked, NAMES)
    assert known["momentum"].null_count() < known.height / 2
    assert training_frame(after, "US", asked, NAMES).equals(known)


def test_files_of_many_partitions_and_a_younger_factor(tmp_path: Path) -> None:
    write(tmp_path / "values" / "a.parquet", ROWS[:2])
    later = pl.DataFrame(
        [row(1, 1, QUARTER, 0.3, 3.0)],
        schema=["instrument_id", "session", "event_time", "available_at", "momentum", "value"],
        orient="row",
    ).with_columns(young=pl.lit(7.0), instrument_id=pl.col("instrument_id").cast(pl.Int64))
    later.with_columns(pl.col("event_time", "available_at").cast(TIME)).write_parquet(
        tmp_path / "values" / "b.parquet"
    )
    for pattern in (tmp_path / "values", tmp_path / "values" / "*.parquet"):
        store = build_store(tmp_path / "home", "US", [*NAMES, "young"], pattern)
        frame = training_frame(
            store, "US", entities((2, CLOSE + DAY), (1, CLOSE + 2 * DAY)), [*NAMES, "young"]
        )
        assert frame.select("momentum", "young").rows() == [(0.2, None), (0.3, 7.0)]


def test_types_that_differ_between_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "values" / "a.parquet", ROWS[:2])
    frame = pl.read_parquet(tmp_path / "values" / "a.parquet").with_columns(pl.col("value").cast(pl.Int64))
    frame.write_parquet(tmp_path / "values" / "b.parquet")
    store = build_store(tmp_path / "home", "US", NAMES, tmp_path / "values")
    with pytest.raises(FeatureStoreError, match=r"column value is Int64 in b.parquet and Float64"):
        training_frame(store, "US", entities((1, CLOSE)), NAMES)


def test_a_store_without_files_says_so(tmp_path: Path) -> None:
    store = build_store(tmp_path / "home", "HK", NAMES, tmp_path / "none" / "*.parquet")
    with pytest.raises(FeatureStoreError, match="no Parquet file at"):
        training_frame(store, "HK", entities((1, CLOSE)), NAMES)


def test_everything_is_written_under_the_home(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(tmp_path / "v.parquet", ROWS)
    store = build_store(tmp_path / "home", "US", NAMES, tmp_path / "v.parquet")
    latest(store, CLOSE + DAY)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert sorted(p.relative_to(tmp_path / "home").as_posix() for p in (tmp_path / "home").rglob("*")) == [
        "feast",
        "feast/us",
        "feast/us/applied.sha256",
        "feast/us/feature_store.yaml",
        "feast/us/registry.db",
    ]


def test_an_unchanged_store_is_not_registered_again(tmp_path: Path, monkeypatch) -> None:
    import feast

    calls: list[int] = []
    real = feast.FeatureStore.apply

    def counted(self, *args, **kwargs):
        calls.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(feast.FeatureStore, "apply", counted)
    for _ in range(3):
        build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    assert len(calls) == 1
    store = build_store(tmp_path, "US", [*NAMES, "size"], tmp_path / "v.parquet")
    assert len(calls) == 2
    assert {f.name for f in store.get_feature_view("factors_us").features} == {"momentum", "value", "size"}
    store = build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    assert {f.name for f in store.get_feature_view("factors_us").features} == set(NAMES)
    (tmp_path / "feast" / "us" / "registry.db").unlink()
    build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    assert len(calls) == 4


def test_a_build_that_was_cut_short_is_done_again(tmp_path: Path, monkeypatch) -> None:
    import feast

    with monkeypatch.context() as patch:
        patch.setattr(
            feast.FeatureStore, "apply", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("killed"))
        )
        with pytest.raises(RuntimeError, match="killed"):
            build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    store = build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    assert [v.name for v in store.list_feature_views()] == ["factors_us"]


def test_a_change_that_was_cut_short_does_not_pass_for_what_was_before(tmp_path: Path, monkeypatch) -> None:
    import feast

    real = feast.FeatureStore.apply

    def killed(self, *args, **kwargs):
        real(self, *args, **kwargs)
        raise RuntimeError("killed")

    build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(feast.FeatureStore, "apply", killed)
        with pytest.raises(RuntimeError, match="killed"):
            build_store(tmp_path, "US", [*NAMES, "size"], tmp_path / "v.parquet")
    store = build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    assert {f.name for f in store.get_feature_view("factors_us").features} == set(NAMES)


def test_two_regions_are_two_projects(tmp_path: Path) -> None:
    us = build_store(tmp_path, "US", NAMES, write(tmp_path / "us.parquet", ROWS))
    hk = build_store(tmp_path, "HK", ["value"], write(tmp_path / "hk.parquet", ROWS[:1]))
    assert (us.project, hk.project) == ("dnalyaw_us", "dnalyaw_hk")
    assert latest(hk, CLOSE + DAY).columns == ["instrument_id", "as_of", "value"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f.drop("as_of"), "no column as_of"),
        (lambda f: f.with_columns(pl.col("as_of").dt.replace_time_zone(None)), "wanted Datetime in UTC"),
        (
            lambda f: f.with_columns(pl.col("as_of").dt.convert_time_zone("Asia/Hong_Kong")),
            "wanted Datetime in UTC",
        ),
        (lambda f: f.with_columns(momentum=1.0), "already have a column momentum"),
    ],
)
def test_wrong_entity_rows_are_refused(store, change, match: str) -> None:
    with pytest.raises(FeatureStoreError, match=match):
        training_frame(store, "US", change(entities((1, CLOSE))), NAMES)


def test_wrong_questions_are_refused(store, tmp_path: Path) -> None:
    with pytest.raises(FeatureStoreError, match="no feature size"):
        training_frame(store, "US", entities((1, CLOSE)), ["size"])
    with pytest.raises(FeatureStoreError, match="at least one"):
        training_frame(store, "US", entities((1, CLOSE)), [])
    with pytest.raises(FeatureStoreError, match="must be a polars or pandas frame"):
        store.get_historical_features(entity_df="select 1", features=["factors_us:value"])
    with pytest.raises(FeatureStoreError, match="no feature names"):
        build_store(tmp_path, "US", [], tmp_path)
    with pytest.raises(FeatureStoreError, match="value is named twice"):
        build_store(tmp_path, "US", ["value", "value"], tmp_path)
    with pytest.raises(FeatureStoreError, match="not a code"):
        build_store(tmp_path, "../x", NAMES, tmp_path)


def test_a_source_without_a_moment_of_publication_is_refused(tmp_path: Path) -> None:
    store = build_store(tmp_path, "US", NAMES, tmp_path / "v.parquet")
    view = feature_view("US", NAMES, str(tmp_path / "v.parquet"))
    view.batch_source.created_timestamp_column = ""
    with pytest.raises(FeatureStoreError, match="no created_timestamp_column"):
        store._get_provider().validate_data_source(store.config, view.batch_source)
    store.apply([view])
    write(tmp_path / "v.parquet", ROWS)
    for filtered in (True, False):
        with pytest.raises(FeatureStoreError, match="no created_timestamp_column"):
            store.get_historical_features(
                entity_df=entities((1, CLOSE)).rename({"as_of": "event_timestamp"}),
                features=["factors_us:value"],
                filter_by_created_timestamp=filtered,
            )


def test_another_offline_store_is_refused(store, monkeypatch) -> None:
    """A store that Feast built otherwise may look ahead; its answer is not taken."""

    class Other:
        def to_polars(self) -> pl.DataFrame:
            return pl.DataFrame()

    monkeypatch.setattr(store, "get_historical_features", lambda **_: Other())
    with pytest.raises(FeatureStoreError, match="may look ahead"):
        training_frame(store, "US", entities((1, CLOSE)), NAMES)


def test_pull_all_and_pull_latest(store) -> None:
    source = store.get_feature_view("factors_us").batch_source
    offline = store._get_provider().offline_store
    arguments = ("event_time", "available_at")
    every = offline.pull_all_from_table_or_query(
        store.config, source, ["instrument_id"], NAMES, *arguments, CLOSE, CLOSE + 0.5 * DAY
    ).to_df()
    assert sorted(every["momentum"]) == [0.1, 0.2, 9.9]
    newest = offline.pull_latest_from_table_or_query(
        store.config, source, ["instrument_id"], NAMES, *arguments, CLOSE, CLOSE + 2 * DAY
    ).to_df()
    assert sorted(zip(newest["instrument_id"], newest["momentum"], strict=True)) == [(1, 0.3), (2, 0.2)]


def test_the_repository_folder_shows_every_factor_of_the_library() -> None:
    from feature_repo import definitions as folder

    names = set(load_library().names)
    for view, region in ((folder.us_factors, "US"), (folder.hk_factors, "HK")):
        assert view.name == view_name(region)
        assert {f.name for f in view.schema} == names
        built = definitions(region, sorted(names), folder.features_path(region))
        assert built[1] == view
    assert folder.us_service.name == "factors_us_all"


def test_the_repository_folder_opens_in_feast(tmp_path: Path, monkeypatch) -> None:
    from feast import FeatureStore

    monkeypatch.setenv("DNALYAW_HOME", str(tmp_path))
    store = FeatureStore(repo_path=str(Path(__file__).parents[2] / "feature_repo"))
    assert store.config.registry.path == f"{tmp_path}/feast/registry.db"
    assert type(store._get_provider().offline_store).__name__ == "PolarsOfflineStore"


def test_importing_the_room_does_not_import_feast() -> None:
    """Feast takes seconds; a code location must load in three."""
    code = "import sys; import dnalyaw.pit.feast; sys.exit('feast' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )
