"""Random streams by name: what one session draws never depends on which others were drawn."""

from __future__ import annotations

import numpy as np

__all__ = ["stream"]

# Numbers, not hashes of the names: they are part of what a seed means and must never move.
_KINDS = {
    "universe": 0,
    "returns": 1,
    "bars": 2,
    "quarters": 3,
    "paths": 4,
    "quotes": 5,
    "events": 6,
    "around": 7,
    "borrow": 8,
}


def stream(seed: int, region: int, kind: str, index: int = 0) -> np.random.Generator:
    """Return the generator of (`seed`, `region`, `kind`, `index`), always from its beginning."""
    key = np.random.SeedSequence(entropy=seed, spawn_key=(region, _KINDS[kind], index))
    return np.random.Generator(np.random.PCG64(key))
