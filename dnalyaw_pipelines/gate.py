"""The gate between runs: what a reader demands of an upstream asset before it reads it.

Dagster's blocking checks stop dependants within one run only. A later run that selects the downstream
alone, a sensor or an automation condition would go ahead; this gate is asked in every run instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus


class GateClosedError(dg.Failure):
    """An upstream is not fit to be read; the run fails and nothing downstream of it is computed."""

    def __init__(self, message: str) -> None:
        super().__init__(description=message, allow_retries=False)


def require_green(
    instance: dg.DagsterInstance, asset: dg.AssetKey, checks: Sequence[str], partition: str
) -> dict[str, str]:
    """Demand that every named check passed on the latest materialization of a partition.

    Returns
    -------
    dict
        Check name to ``"passed"``.

    Raises
    ------
    GateClosedError
        When a check failed, never ran, or ran on an earlier materialization.
    """
    if not checks:
        raise GateClosedError(
            f"{asset.to_user_string()} has no blocking check: it cannot be published unchecked"
        )
    keys = [dg.AssetCheckKey(asset, name) for name in checks]
    found = {
        info.check_key.name: info
        for info in instance.event_log_storage.get_asset_check_partition_info(
            keys, partition_keys=[partition]
        )
        if info.partition_key == partition
    }
    faults = []
    for name in checks:
        info = found.get(name)
        if info is None:
            faults.append(f"{name} has not run")
        elif info.latest_execution_status != AssetCheckExecutionRecordStatus.SUCCEEDED:
            faults.append(f"{name} is {info.latest_execution_status.value.lower()}")
        elif info.latest_target_materialization_storage_id != info.latest_materialization_storage_id:
            faults.append(f"{name} passed on an earlier delivery")
    if faults:
        raise GateClosedError(
            f"{asset.to_user_string()} {partition} is not fit to be read: {'; '.join(faults)}"
        )
    return dict.fromkeys(checks, "passed")


def latest_version(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str) -> str:
    """The version that the latest materialization of a partition landed."""
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    found = records[0].asset_materialization if records else None
    version = found.metadata.get("version") if found is not None else None
    if version is None:
        raise GateClosedError(f"{asset.to_user_string()} {partition} was never landed; materialize it first")
    return str(version.value)


def judged_version(
    instance: dg.DagsterInstance, asset: dg.AssetKey, check: str, partition: str
) -> str | None:
    """The version that the last evaluation of a check of a partition speaks of."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(asset, check), limit=1, partition_filter=PartitionKeyFilter(key=partition)
    )
    event = records[0].event.dagster_event if records and records[0].event else None
    version = event.asset_check_evaluation_data.metadata.get("version") if event is not None else None
    return None if version is None else str(version.value)


def check_statuses(
    instance: dg.DagsterInstance, asset: dg.AssetKey, checks: Sequence[str], partition: str
) -> dict[str, str]:
    """The last status of each check of a partition, in lower case; absent when it never ran."""
    keys = [dg.AssetCheckKey(asset, name) for name in checks]
    infos = instance.event_log_storage.get_asset_check_partition_info(keys, partition_keys=[partition])
    return {
        info.check_key.name: info.latest_execution_status.value.lower()
        for info in infos
        if info.partition_key == partition and info.latest_execution_status is not None
    }


def require_materialized(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str) -> None:
    """Demand that a partition of an asset was materialized."""
    if partition not in instance.get_materialized_partitions(asset):
        raise GateClosedError(
            f"{asset.to_user_string()} {partition} was never materialized, or what it needs was blocked; "
            f"run `dnalyaw run`, or materialize it first"
        )
