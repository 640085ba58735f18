"""Strategies: an asset a declared strategy."""

from pathlib import Path

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.panel import features_as_of, strategy_prices
from dnalyaw_pipelines.partitions import session_partitions


class Strategy(dg.Component, dg.Model, dg.Resolvable):
    """Every strategy that a folder of declarations names for a region.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    declarations : str
        A YAML file or a folder of them; empty takes the library's own.
    """

    region: str
    declarations: str = ""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """An asset a strategy."""
        return dg.Definitions(
            assets=[_weights(self.region, name) for name in strategy_ids(self.region, self.declarations)]
        )


def declared(region: str, declarations: str = ""):
    """The declared strategies of a region, in order, without the retired ones."""
    from dnalyaw.portfolio import load_strategies
    from strategies import declarations_path

    path = Path(declarations) if declarations else declarations_path()
    return [s for s in load_strategies(path, region) if s.stage != "retired"]


def strategy_ids(region: str, declarations: str = "") -> list[str]:
    """Ids of the declared strategies of a region."""
    return [s.id for s in declared(region, declarations)]


def asset_name(strategy_id: str) -> str:
    """A strategy's id as an asset's name."""
    return strategy_id.replace("-", "_")


def _weights(region: str, strategy_id: str) -> dg.AssetsDefinition:
    entry = next(s for s in declared(region) if s.id == strategy_id)

    @dg.asset(
        key=keys.asset(region, "strategies", asset_name(strategy_id)),
        ins={
            "panel_frame": dg.AssetIn(keys.asset(region, "dbt", "marts", "mart_factor_panel")),
            "predictions": dg.AssetIn(keys.asset(region, "predictions")),
        },
        deps=[keys.asset(region, "feature_store")],
        partitions_def=session_partitions(region),
        kinds={"python"},
        owners=["team:research"],
        group_name=f"{region.lower()}_strategies",
        description=f"{entry.strategy.description} ({entry.strategy.family}). {entry.strategy.reference}",
    )
    def weights(
        context: dg.AssetExecutionContext, panel_frame: pl.DataFrame, predictions: pl.DataFrame
    ) -> pl.DataFrame:
        from dnalyaw.portfolio import StrategyView, check_weights

        home, partition = Home.active(), context.partition_key
        view = StrategyView.of(
            as_of=home.as_of(region, partition).moment,
            region=region,
            prices=strategy_prices(panel_frame),
            features=features_as_of(home, region, partition),
            predictions=predictions,
        )
        frame = check_weights(entry.strategy.target_weights(view))
        context.add_output_metadata(
            {
                "strategy": strategy_id,
                "stage": entry.stage,
                "rebalances": frame["session"].n_unique(),
                "names_last": frame.filter(pl.col("session") == frame["session"].max()).height,
                "parameters": dg.MetadataValue.json({k: str(v) for k, v in entry.params.items()}),
            }
        )
        return frame

    return weights
