"""What is published goes to the home's bitemporal store, where it has one: in the order of publishing, each once.

The pins of the lake say what is published; the store is a second form of the same rows, by month and behind any fsspec
URL, for readers elsewhere. Both are read by one rule (`dnalyaw.pit._known`), so they give the same answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dnalyaw.market import KEYS
from dnalyaw.pit import append_line, read_lines

if TYPE_CHECKING:
    from pathlib import Path

    from dnalyaw_pipelines.home import Home


def mirror(home: Home, region: str, feed: str, schema: str | None = None) -> int | None:
    """Bring every published version that the store has not received yet there.

    What an earlier call did not finish, because of a kill or of a store out of reach, is done by the next one: a
    version counts as received when the line that says so is on the disk, and one appended twice adds nothing.

    Parameters
    ----------
    home : Home
    region, feed : str
    schema : str, optional
        The table that the feed delivers, where its name is another.

    Returns
    -------
    int or None
        The number of the table's state in the store; None where the home has no store.

    Raises
    ------
    StoreError
        If the store refuses a version or cannot be reached. What is published stays published.
    """
    store = home.store(keys={feed: KEYS[schema or feed]})
    if store is None:
        return None
    record = _record(home, region, feed)
    done = {(line["partition"], line["version"]) for line in read_lines(record) if line["store"] == store.url}
    lake = home.lake
    pins = [
        (pin, name)
        for name in lake.published_partitions(region, feed)
        for pin in lake.pins(region, feed, name)
    ]
    state = None
    for pin, partition in sorted(pins, key=lambda item: (item[0].pinned_at, item[1])):
        if (partition, pin.version) in done:
            continue
        rows = lake.version(region, feed, partition, pin.version).read()
        received: datetime = rows["ingested_at"].max() if rows.height else datetime.now(UTC)
        state = store.append(region, feed, rows.drop("ingested_at"), ingested_at=received).commit
        append_line(
            record, {"store": store.url, "partition": partition, "version": pin.version, "state": state}
        )
    return state if state is not None else (store.state(region, feed).seq if pins else 0)


def _record(home: Home, region: str, feed: str) -> Path:
    return home.lake.root / "mirrored" / region.lower() / f"{feed}.jsonl"
