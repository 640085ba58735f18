"""Ingests feeds in a process of its own: ``python -m tests.pipelines._ingest PROJECT PARTITION [KILL_AT]``.

With KILL_AT = n the process kills itself, by SIGKILL, at its n-th operation on a file of the lake: an opening for
writing, a renaming, a link, a folder made. What the lake's code looks like does not matter.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import dagster as dg

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.instance import open_instance
from tests.pipelines._loop import failures

_EVENTS = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.truncate"}


def kill_at(count: int, root: Path) -> None:
    """Die at the `count`-th writing operation below `root`."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in _EVENTS or not str(arguments[0]).startswith(str(root)):
            return
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            writes = bool(int(flags) & (os.O_WRONLY | os.O_RDWR)) if isinstance(flags, int) else False
            if not writes and not (isinstance(mode, str) and set(mode) & set("wax+")):
                return
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> int:
    """Run bars and instruments of US to published."""
    from tests.pipelines._feeds import declared

    folder, partition = Path(sys.argv[1]), sys.argv[2]
    location = declared(folder, (folder / "feeds.yaml").read_text())
    chosen = [
        k for name in ("instruments", "bars") for k in (keys.staging("US", name), keys.published("US", name))
    ]
    job = dg.define_asset_job("all", dg.AssetSelection.assets(*chosen), executor_def=dg.in_process_executor)
    whole = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
    home = Home.active()
    with open_instance(home) as instance:
        if len(sys.argv) > 3:
            kill_at(int(sys.argv[3]), home.root / "lake")
        result = whole.resolve_job_def("all").execute_in_process(
            instance=instance, partition_key=partition, raise_on_error=False
        )
    # What a test looks for stands on the last line.
    sys.stdout.write("\n" + " ".join(failures(result).split()) + "\n")
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
