"""A process of its own that ingests many bars by streaming, reads them as of, and tells how much memory it took.

``python -m dnalyaw_pipelines.bench._stream FOLDER NAMES SESSIONS``: progress on stderr, one JSON object on stdout.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl

from dnalyaw.pit import AsOf, BitemporalStore
from dnalyaw_pipelines.bench import _made_bars as made

PIECE = 1_000_000
"""Rows appended at once."""

RECEIVED = datetime(2026, 11, 24, tzinfo=UTC)
CORRECTED_EVERY = 10_007
"""One bar of so many is corrected a day later."""


def stream(folder: str, names: int, sessions: int) -> dict[str, float]:
    """Ingest, correct, compact and read as of a moment."""
    store = BitemporalStore(folder)
    days = made.sessions(sessions)
    total, spent = names * days.height, 0.0
    corrections = []
    done = 0
    for piece in made.pieces(names, days, PIECE):
        start = time.perf_counter()
        done += store.append(made.REGION, "bars", piece, ingested_at=RECEIVED).rows
        spent += time.perf_counter() - start
        corrections.append(piece.gather_every(CORRECTED_EVERY).with_columns(pl.col("close") * 1.01))
        sys.stderr.write(f"{done:,} of {total:,} rows, {done / spent:,.0f} rows/s\n")
    corrected = pl.concat(corrections)
    later = RECEIVED + timedelta(days=1)
    revisions = store.append(made.REGION, "bars", corrected, ingested_at=later).revisions
    start = time.perf_counter()
    merged = store.compact(made.REGION, "bars")
    compacted = time.perf_counter() - start
    sys.stderr.write(f"{merged} files merged in {compacted:.1f} s\n")
    start = time.perf_counter()
    read = 0
    sums = []
    for moment in (RECEIVED, later):
        batches = store.batches(made.REGION, "bars", AsOf(moment), columns=["instrument_id", "close"])
        totals = [(batch.height, batch["close"].sum()) for batch in batches]
        read = sum(height for height, _ in totals)
        sums.append(sum(close for _, close in totals))
        sys.stderr.write(f"{read:,} rows read as of {moment}\n")
    return {
        "rows": total,
        "ingested": done,
        "ingest_rows_per_s": round(done / spent),
        "revisions": revisions,
        "corrected_by": sums[1] - sums[0],
        "expected_by": corrected["close"].sum() / 101,
        "compact_s": round(compacted, 2),
        "read_rows": read,
        "read_rows_per_s": round(2 * read / (time.perf_counter() - start)),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    folder, names, sessions = sys.argv[1:]
    sys.stdout.write(json.dumps(stream(folder, int(names), int(sessions))) + "\n")
