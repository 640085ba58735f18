"""The model: walk-forward predictions from the feature store."""

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.panel import features_as_of, strategy_prices
from dnalyaw_pipelines.partitions import session_partitions


class Model(dg.Component, dg.Model, dg.Resolvable):
    """A LightGBM model trained through time on every feature of a region.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    horizon : int
        Sessions of the return that is predicted.
    min_train : int
        Labelled sessions before the first fold.
    refit_every : int
        Sessions that one model predicts before the next is trained.
    rounds : int
        Trees.
    """

    region: str
    horizon: int = 5
    min_train: int = 252
    refit_every: int = 84
    rounds: int = 60

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The predictions."""
        region = self.region

        @dg.asset(
            key=keys.asset(region, "predictions"),
            ins={"panel_frame": dg.AssetIn(keys.asset(region, "dbt", "marts", "mart_factor_panel"))},
            deps=[keys.asset(region, "feature_store")],
            partitions_def=session_partitions(region),
            kinds={"lightgbm"},
            owners=["team:research"],
            group_name=f"{region.lower()}_models",
            description="Out-of-sample scores of a LightGBM model trained through time; no fold sees its own future.",
        )
        def predictions(context: dg.AssetExecutionContext, panel_frame: pl.DataFrame) -> pl.DataFrame:
            return self._predict(context, panel_frame)

        return dg.Definitions(assets=[predictions])

    def _predict(self, context: dg.AssetExecutionContext, panel_frame: pl.DataFrame) -> pl.DataFrame:
        from dnalyaw.models import WalkForwardConfig, forward_labels, walk_forward

        home, partition = Home.active(), context.partition_key
        features = features_as_of(home, self.region, partition)
        labels = forward_labels(strategy_prices(panel_frame), self.horizon)
        rules = WalkForwardConfig(
            horizon=self.horizon,
            min_train=self.min_train,
            refit_every=self.refit_every,
            rounds=self.rounds,
            seed=home.config().seed,
        )
        result = walk_forward(
            features, labels, rules, cache_dir=home.root / "models" / self.region.lower() / "folds"
        )
        context.add_output_metadata(
            {
                "folds": result.folds.height,
                "mean_rank_ic": result.stats["ic_mean"],
                "rank_ic_t": result.stats["ic_t"],
                "findings": dg.MetadataValue.json([str(f) for f in result.findings]),
                "settings": dg.MetadataValue.json({k: str(v) for k, v in rules.as_dict().items()}),
                "importance": dg.MetadataValue.json(dict(result.importance.head(15).iter_rows())),
            }
        )
        return result.predictions
