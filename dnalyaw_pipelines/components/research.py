"""From strategies to a target portfolio: backtests that count trials, sizing, combination."""

import json
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.strategy import asset_name, declared
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.panel import recent_statistics, strategy_prices
from dnalyaw_pipelines.partitions import session_partitions

COMBINED = "combined"
TARGET_SCHEMA = {
    "strategy_id": pl.String,
    "instrument_id": pl.Int64,
    "label": pl.String,
    "sector": pl.String,
    "weight": pl.Float64,
    "stop_distance": pl.Float64,
    "asked": pl.Float64,
    "binding": pl.String,
    "capital_fraction": pl.Float64,
}


def stats_path(home: Home, region: str, partition: str) -> Any:
    """Where a partition's backtest figures are kept, by strategy."""
    return home.assets(region.lower(), "backtest") / f"{partition}.json"


def research_assets(region: str) -> list[dg.AssetsDefinition]:
    """Backtest, sizing and target portfolio of a region."""
    return [_backtest(region), _sizing(region), _target_portfolio(region)]


def _strategy_inputs(region: str) -> dict[str, dg.AssetIn]:
    names = [asset_name(s.id) for s in declared(region)]
    inputs = {f"weights_{n}": dg.AssetIn(keys.asset(region, "strategies", n)) for n in names}
    return inputs | {"panel_frame": dg.AssetIn(keys.asset(region, "dbt", "marts", "mart_factor_panel"))}


def _by_id(region: str, frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {s.id: frames[f"weights_{asset_name(s.id)}"] for s in declared(region)}


def _backtest(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "backtest"),
        ins=_strategy_inputs(region),
        partitions_def=session_partitions(region),
        kinds={"numpy"},
        owners=["team:research"],
        group_name=f"{region.lower()}_strategies",
        description="Every strategy and their combination, net of costs; each counted in the trial ledger.",
    )
    def backtest(context: dg.AssetExecutionContext, **frames: pl.DataFrame) -> pl.DataFrame:
        from dnalyaw.backtest import CostModel, PricePanel, TrialLedger, plot_equity, run_backtest, weigh
        from dnalyaw.portfolio import combine_strategies

        home, partition = Home.active(), context.partition_key
        panel = PricePanel.from_frame(strategy_prices(frames.pop("panel_frame")))
        config = home.config()
        dataset = f"{config.provider} {region}"
        weights = _by_id(region, frames)
        entries = {s.id: s for s in declared(region)}
        weights[COMBINED] = combine_strategies(
            dict(weights), {name: entries[name].capital_fraction for name in weights}, panel
        )
        ledger = TrialLedger(home.trials)
        costs = CostModel.for_region(region)
        results, stats = {}, {}
        for name, frame in weights.items():
            result = run_backtest(frame, panel, costs, initial_cash=10_000_000.0)
            results[name] = result
            summary = result.summary()
            ledger.record(
                who=context.run.tags.get("dnalyaw/who", "pipeline"),
                what=name if name == COMBINED else f"{name} ({entries[name].class_name})",
                dataset=dataset,
                data_version=partition,
                params={} if name == COMBINED else dict(entries[name].params),
                result={"sharpe": summary["sharpe"], "sessions": summary["sessions"]},
            )
        curves = []
        for name, result in results.items():
            evidence = weigh(result, ledger, dataset=dataset)
            stats[name] = result.summary() | {
                "trials": evidence.trials,
                "deflated_sharpe": evidence.deflated,
                "probabilistic_sharpe": evidence.probabilistic,
                "sharpe_interval": [evidence.interval.low, evidence.interval.high],
                "minimum_track_record": evidence.minimum_sessions,
            }
            curves.append(result.curve.select(pl.lit(name).alias("strategy_id"), pl.all()))
        path = stats_path(home, region, partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(stats, indent=1, default=str))
        mark = "SIMULATED · " if config.simulated else ""
        plot = plot_equity(results[COMBINED], path.with_suffix(".svg"), title=f"{mark}{region} combined")
        combined = stats[COMBINED]
        context.add_output_metadata(
            {
                "equity_curve": dg.MetadataValue.path(plot),
                "sharpe": combined["sharpe"],
                "deflated_sharpe": combined["deflated_sharpe"],
                "trials": combined["trials"],
                "max_drawdown": combined["max_drawdown"],
                "findings": dg.MetadataValue.json({n: s["findings"] for n, s in stats.items()}),
            }
        )
        return pl.concat(curves)

    return backtest


def _sizing(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "sizing"),
        ins=_strategy_inputs(region) | {"curves": dg.AssetIn(keys.asset(region, "backtest"))},
        partitions_def=session_partitions(region),
        kinds={"rust"},
        owners=["team:research"],
        group_name=f"{region.lower()}_strategies",
        description="Half-Kelly for each strategy; a name by its stop, volatility, liquidity and the engine's limits.",
    )
    def sizing(context: dg.AssetExecutionContext, **frames: pl.DataFrame) -> pl.DataFrame:
        from dnalyaw.backtest import PricePanel
        from dnalyaw.portfolio import KellyConfig, half_kelly, size_targets, standing_weights
        from dnalyaw.runtime import INITIAL_CASH

        partition = context.partition_key
        mart = frames.pop("panel_frame")
        curves = frames.pop("curves")
        prices = strategy_prices(mart)
        panel = PricePanel.from_frame(prices)
        day = date.fromisoformat(partition)
        latest = mart.filter(pl.col("session") == day)
        closes = dict(latest.select("instrument_id", "raw_close").iter_rows())
        lots = dict(latest.select("instrument_id", "lot").iter_rows())
        recent = recent_statistics(mart)
        volatility, gaps, adv = (
            dict(recent.select("instrument_id", column).iter_rows())
            for column in ("volatility_bp", "gap_bp", "adv")
        )
        labels = latest.select("instrument_id", "label", "sector")
        entries = {s.id: s for s in declared(region)}
        parts, kelly_rows = [], {}
        for name, frame in _by_id(region, frames).items():
            entry = entries[name]
            returns = curves.filter(pl.col("strategy_id") == name)["net_return"].slice(1).to_numpy()
            kelly = half_kelly(returns, KellyConfig.for_stage(entry.stage))
            kelly_rows[name] = {"gross": kelly.gross, "reason": kelly.reason, "t": kelly.t_statistic}
            sized = size_targets(
                standing_weights(frame, panel, day),
                prices=closes,
                lots=lots,
                volatility_bp=volatility,
                gap_bp=gaps,
                adv=adv,
                equity=INITIAL_CASH[region],
                capital_fraction=entry.capital_fraction,
                kelly=kelly,
            )
            parts.append(
                sized.join(labels, on="instrument_id", how="left").with_columns(
                    pl.lit(name).alias("strategy_id"),
                    pl.lit(entry.capital_fraction).alias("capital_fraction"),
                )
            )
        context.add_output_metadata({"kelly": dg.MetadataValue.json(kelly_rows)})
        return pl.concat(parts).select(pl.col(n).cast(t) for n, t in TARGET_SCHEMA.items())

    return sizing


def _target_portfolio(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "target_portfolio"),
        ins={"sized": dg.AssetIn(keys.asset(region, "sizing"))},
        partitions_def=session_partitions(region),
        kinds={"polars"},
        owners=["team:research"],
        group_name=f"{region.lower()}_strategies",
        description="What is handed to the runtime: a weight and a stop distance a name, for each strategy.",
    )
    def target_portfolio(context: dg.AssetExecutionContext, sized: pl.DataFrame) -> pl.DataFrame:
        from dnalyaw_pipelines.trading import portfolios

        home, partition = Home.active(), context.partition_key
        rounded = sized.with_columns(pl.col("weight").round(6), pl.col("stop_distance").round(6))
        kept = rounded.filter(pl.col("weight") > 0)
        empty = [s.id for s in declared(region) if s.id not in set(kept["strategy_id"])]
        if empty:
            # A strategy in cash says so: absent names mean none, an absent strategy would mean no change.
            rows = [{"strategy_id": name} for name in empty]
            kept = pl.concat([kept, pl.DataFrame(rows, schema=kept.schema)], how="vertical")
        _, correlation = portfolios(kept, home, region, partition)
        context.add_output_metadata(
            {
                "session": home.traded_session(region, partition).isoformat(),
                "as_of": str(home.as_of(region, partition)),
                "correlation_id": correlation,
                "gross": float((kept["weight"] * kept["capital_fraction"]).sum()),
                "names": kept["instrument_id"].drop_nulls().n_unique(),
            }
        )
        return kept.with_columns(pl.lit(correlation).alias("correlation_id"))

    return target_portfolio
