"""A set of factors: values a session, stored in the feature store."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import REQUIRED_CHECKS, partition_path
from dnalyaw_pipelines.partitions import session_partitions

if TYPE_CHECKING:
    from dnalyaw.factors import FactorLibrary, Panel

MART = "mart_factor_panel"

ADJUSTED = {
    "open": "adj_open",
    "high": "adj_high",
    "low": "adj_low",
    "close": "adj_close",
    "volume": "adj_volume",
}
"""Fields of the factor language and the mart's columns that carry them: factors read adjusted prices."""

FIELDS = [
    "vwap",
    "amount",
    "returns",
    "sector",
    "market_cap",
    "shares_outstanding",
    "book_equity",
    "total_assets",
    "total_debt",
    "net_income_ttm",
    "revenue_ttm",
    "gross_profit_ttm",
    "operating_cash_flow_ttm",
    "dividends_ttm",
]
"""Fields whose column in the mart has their own name."""

COVERAGE = "coverage"
FINITE = "finite"


class FactorSet(dg.Component, dg.Model, dg.Resolvable):
    """Factors of the library, computed for every session and kept in the feature store.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    families : list of str
        Families of the library to take; empty takes all of them.
    names : list of str
        Further factors by name.
    library : str
        Folder of factor files; empty takes the library that comes with the platform.
    max_lookback : int
        Factors that read more sessions than this are left out.
    min_coverage : float
        Share of instruments that the median factor must have a value for on the latest session.
    """

    region: str
    families: list[str] = []  # noqa: RUF012 (a pydantic field: every instance has its own)
    names: list[str] = []  # noqa: RUF012
    library: str = ""
    max_lookback: int = 260
    min_coverage: float = 0.5

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The factor values with their checks, and the feature store over them."""
        from dnalyaw_pipelines.components.feature_store import feature_store_asset

        return dg.Definitions(
            assets=[self._factors(), feature_store_asset(self.region)], asset_checks=self._checks()
        )

    def _select(self, panel: "Panel") -> "FactorLibrary":
        """The factors asked for whose data the panel holds."""
        from dnalyaw.factors import FactorLibrary, load_library

        library = load_library(Path(self.library) if self.library else None)
        chosen = {f.name for f in (library.select(families=self.families) if self.families else library)}
        chosen |= {f.name for f in library.select(names=self.names)}
        short = [f for f in library if f.name in chosen and f.expr.lookback <= self.max_lookback]
        return FactorLibrary(tuple(short)).select(data=panel.available)

    def _factors(self) -> dg.AssetsDefinition:
        region = self.region
        mart = keys.asset(region, "dbt", "marts", MART)

        @dg.asset(
            key=keys.asset(region, "factors"),
            ins={"panel_frame": dg.AssetIn(mart)},
            partitions_def=session_partitions(region),
            kinds={"numpy", "parquet"},
            owners=["team:research"],
            group_name=f"{region.lower()}_features",
            description="Values of every factor, one row an instrument and session; texts in the factor language.",
            metadata={REQUIRED_CHECKS: f"{COVERAGE},{FINITE}"},
        )
        def factors(context: dg.AssetExecutionContext, panel_frame: pl.DataFrame) -> pl.DataFrame:
            return self._compute(context, panel_frame)

        return factors

    def _compute(self, context: dg.AssetExecutionContext, frame: pl.DataFrame) -> pl.DataFrame:
        from dnalyaw.factors import Panel, evaluate_many, to_long

        home, partition = Home.active(), context.partition_key
        genesis = partition == home.config().regions[self.region].genesis
        tail = frame if genesis else _last_sessions(frame, self.max_lookback + 1)
        inputs = tail.select(
            "session", "instrument_id", *FIELDS, **{k: pl.col(v) for k, v in ADJUSTED.items()}
        )
        panel = Panel.from_long(inputs)
        chosen = self._chosen(home, panel, genesis)
        values = to_long(evaluate_many(chosen.expressions, panel), panel)
        keyed = frame.select("session", "instrument_id", "event_time", "available_at")
        if not genesis:
            # Earlier sessions stay as they were known then; their partitions are not written again.
            keyed = _last_sessions(keyed, 1)
        rows = keyed.join(values, on=["session", "instrument_id"], how="left").sort(
            "session", "instrument_id"
        )
        context.add_output_metadata(
            {
                "factors": len(chosen),
                "library": chosen.content_hash,
                "lookback": chosen.lookback,
                "sessions": rows["session"].n_unique(),
                "texts": dg.MetadataValue.json({f.name: f.text for f in chosen}),
            }
        )
        return rows

    def _chosen(self, home: Home, panel: "Panel", genesis: bool) -> "FactorLibrary":
        """The factors of this home: chosen on the first partition, and the same ever after."""
        from dnalyaw.factors import load_library

        path = home.assets(self.region.lower(), "factors") / "chosen.json"
        if genesis or not path.exists():
            chosen = self._select(panel)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"names": list(chosen.names), "hash": chosen.content_hash}))
            return chosen
        record = json.loads(path.read_text())
        chosen = load_library(Path(self.library) if self.library else None).select(names=record["names"])
        if chosen.content_hash != record["hash"]:
            raise dg.Failure(
                f"{self.region}: the text of a factor changed since this home began; a factor's meaning is fixed. "
                f"Give the new text a new name, or rebuild the first partition"
            )
        return chosen

    def _checks(self) -> list[dg.AssetChecksDefinition]:
        region, least = self.region, self.min_coverage
        key = keys.asset(region, "factors")
        partitions = session_partitions(region)

        @dg.asset_check(asset=key, name=COVERAGE, blocking=True, partitions_def=partitions)
        def coverage(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            """The median factor has values for enough instruments on the latest session."""
            latest, names = _latest_values(context, region)
            shares = sorted(1 - latest[name].null_count() / max(latest.height, 1) for name in names)
            median = shares[len(shares) // 2] if shares else 0.0
            dead = [name for name in names if latest[name].null_count() == latest.height]
            return dg.AssetCheckResult(
                passed=median >= least, metadata={"median_coverage": median, "without_values": dead}
            )

        @dg.asset_check(asset=key, name=FINITE, blocking=True, partitions_def=partitions)
        def finite(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            """No factor value is infinite or not a number."""
            latest, names = _latest_values(context, region)
            bad = [name for name in names if not latest[name].is_finite().fill_null(True).all()]
            return dg.AssetCheckResult(passed=not bad, metadata={"not_finite": bad})

        return [coverage, finite]


def factor_names(frame: pl.DataFrame) -> list[str]:
    """The factor columns of a frame of values."""
    return [c for c in frame.columns if c not in ("session", "instrument_id", "event_time", "available_at")]


def _last_sessions(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    keep = frame["session"].unique().sort().tail(count)
    return frame.filter(pl.col("session").is_in(keep.implode()))


def _latest_values(context: dg.AssetCheckExecutionContext, region: str) -> tuple[pl.DataFrame, list[str]]:
    partition = context.op_execution_context.partition_key
    frame = pl.read_parquet(partition_path(Home.active(), keys.asset(region, "factors"), partition))
    return _last_sessions(frame, 1), factor_names(frame)
