"""The code location: everything under ``defs/``, put together."""

from pathlib import Path

import dagster as dg

from dnalyaw_pipelines.io import LakeIOManager
from dnalyaw_pipelines.watch import progress_logger


@dg.definitions
def defs() -> dg.Definitions:
    """All regions' assets, checks, jobs and schedules."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(resources={"io_manager": LakeIOManager()}, loggers={"progress": progress_logger}),
    )
