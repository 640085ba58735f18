"""After the session: what was executed, what it cost, and the report."""

from typing import Any

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.executions import orders_of, session_report
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.partitions import session_partitions

ORDER_SCHEMA = {
    "order_id": pl.Int64,
    "instrument_id": pl.Int64,
    "label": pl.String,
    "side": pl.String,
    "requested_qty": pl.Int64,
    "approved_qty": pl.Int64,
    "filled_qty": pl.Int64,
    "state": pl.String,
    "decision": pl.String,
    "reason": pl.String,
    "average_price": pl.Float64,
    "fees": pl.Float64,
    "correlation_id": pl.String,
}
MICRO = 1_000_000


def aftermath_assets(region: str) -> list[dg.AssetsDefinition]:
    """Execution report, cost analyses and report of a region."""
    return [_execution_report(region), _cost_analysis(region), _shortfall(region), _report(region)]


def _execution_report(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "execution_report"),
        deps=[keys.asset(region, "handoff")],
        ins={"panel_frame": dg.AssetIn(keys.asset(region, "dbt", "marts", "mart_factor_panel"))},
        partitions_def=session_partitions(region),
        kinds={"polars"},
        owners=["team:trading"],
        group_name=f"{region.lower()}_execution",
        description="Every order of the session: decision, reason, fills.",
    )
    def execution_report(context: dg.AssetExecutionContext, panel_frame: pl.DataFrame) -> pl.DataFrame:
        home, partition = Home.active(), context.partition_key
        orders = orders_of(session_report(home, region, partition))
        labels = dict(
            panel_frame.select("instrument_id", "label").unique("instrument_id", keep="last").iter_rows()
        )
        rows = [
            {
                **{name: order[name] for name in ORDER_SCHEMA if name in order},
                "label": labels.get(order["instrument_id"], str(order["instrument_id"])),
                "average_price": _average(order),
                "fees": sum(f["fee_micro"] for f in order["fills"]) / MICRO,
            }
            for order in orders
        ]
        frame = pl.DataFrame(rows, schema=ORDER_SCHEMA)
        context.add_output_metadata(
            {
                "orders": frame.height,
                "decisions": dg.MetadataValue.json(dict(frame["decision"].value_counts().iter_rows())),
                "states": dg.MetadataValue.json(dict(frame["state"].value_counts().iter_rows())),
            }
        )
        return frame

    return execution_report


def _average(order: dict[str, Any]) -> float | None:
    quantity = sum(f["qty"] for f in order["fills"])
    return sum(f["qty"] * f["px_micro"] for f in order["fills"]) / quantity / MICRO if quantity else None


def _cost_analysis(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "cost_analysis"),
        deps=[keys.asset(region, "execution_report")],
        partitions_def=session_partitions(region),
        kinds={"polars"},
        owners=["team:trading"],
        group_name=f"{region.lower()}_execution",
        description="Implementation shortfall of every order against its arrival, in basis points.",
    )
    def cost_analysis(context: dg.AssetExecutionContext) -> pl.DataFrame:
        from dnalyaw_pipelines.costs import cost_figures, costs_of

        home, partition = Home.active(), context.partition_key
        analysis = costs_of(home, region, partition)
        summary = analysis.summary
        context.add_output_metadata(
            {
                "orders_filled": summary.filled_orders,
                "notional": summary.notional,
                "notes": dg.MetadataValue.json(list(summary.notes)),
                **{k: v for k, v in cost_figures(summary).items() if v is not None},
            }
        )
        return analysis.orders

    return cost_analysis


def _shortfall(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "shortfall"),
        deps=[keys.asset(region, "execution_report")],
        partitions_def=session_partitions(region),
        kinds={"go", "parquet"},
        owners=["team:trading"],
        group_name=f"{region.lower()}_execution",
        description="What each parent order cost against its decision, arrival, interval and close; rows in the lake.",
    )
    def shortfall(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from dnalyaw.calibration import shortfall_lines
        from dnalyaw_pipelines.shortfall import DATASETS, measure

        home, partition = Home.active(), context.partition_key
        measured = measure(home, region, partition)
        if measured is None:
            return dg.MaterializeResult(metadata={"outcome": "nothing was handed off"})
        for why in measured.basis["skipped"]:
            context.log.warning("an order was not measured: %s", why)
        lines = [line for line in shortfall_lines(measured.frames) if line.by == "all"]
        return dg.MaterializeResult(
            metadata={
                "basis": dg.MetadataValue.json(dict(measured.basis)),
                "datasets": dg.MetadataValue.json(
                    {DATASETS[k][0]: f.height for k, f in measured.frames.items()}
                ),
                "shortfall_bp": dg.MetadataValue.json({line.currency: line.mean_bp for line in lines}),
                "interval_bp": dg.MetadataValue.json(
                    {line.currency: [line.low_bp, line.high_bp] for line in lines}
                ),
            }
        )

    return shortfall


def _report(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "report"),
        deps=[
            keys.asset(region, name)
            for name in ("cost_analysis", "shortfall", "backtest", "target_portfolio", "execution_report")
        ],
        partitions_def=session_partitions(region),
        kinds={"html"},
        owners=["team:trading"],
        group_name=f"{region.lower()}_execution",
        description="The page of the day: what came in, what was decided, what was filled, what it cost.",
    )
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from dnalyaw_pipelines.report_data import write_day

        home, partition = Home.active(), context.partition_key
        path = write_day(home, context.instance, region, partition)
        return dg.MaterializeResult(metadata={"report": dg.MetadataValue.path(path)})

    return report
