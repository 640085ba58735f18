"""Strategies are declared in YAML and found by entry point."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.metadata import entry_points
from math import isfinite
from pathlib import Path
from typing import Any

from dnalyaw.portfolio._errors import DeclarationError
from dnalyaw.portfolio._strategy import Strategy, StrategyFactory

ENTRY_POINT_GROUP = "dnalyaw.strategies"
REGIONS = ("US", "HK")
STAGES = ("research", "paper", "live", "retired")
_TRADING = ("paper", "live")
_KEYS = {
    "id": str,
    "class": str,
    "regions": list,
    "params": dict,
    "capital_fraction": float,
    "stage": str,
    "max_leverage": float,
}
_OPTIONAL = ("params", "max_leverage")
_ID = re.compile(r"^[a-z][a-z0-9-]{1,62}$")


@dataclass(frozen=True)
class DeclaredStrategy:
    """A strategy as a declaration asks for it.

    What a strategy may trade is read by omsd from the register; `stage`, `capital_fraction` and
    `max_leverage` are what the declaration proposes for it.
    """

    id: str
    class_name: str
    regions: tuple[str, ...]
    params: Mapping[str, Any]
    capital_fraction: float
    stage: str
    max_leverage: float
    strategy: Strategy
    path: Path


def registered_strategies() -> dict[str, StrategyFactory]:
    """Return the strategy classes that installed packages offer under `dnalyaw.strategies`, by name."""
    return {point.name: point.load() for point in entry_points(group=ENTRY_POINT_GROUP)}


def load_strategies(
    path: Path | str, region: str, *, registry: Mapping[str, StrategyFactory] | None = None
) -> list[DeclaredStrategy]:
    """Load the declarations of a region.

    Parameters
    ----------
    path : Path or str
        A YAML file, or a folder whose ``*.yaml`` are read in name order.
    region : str
        Only strategies declared for it are returned; all entries are checked.
    registry : mapping or None
        Class name to class; None takes the entry points.

    Returns
    -------
    list of DeclaredStrategy
        In the order declared, retired ones included.

    Raises
    ------
    DeclarationError
        Names every fault of every file.
    """
    if region not in REGIONS:
        raise DeclarationError(f"unknown region {region!r}; known: {', '.join(REGIONS)}")
    known = registered_strategies() if registry is None else dict(registry)
    if not known:
        raise DeclarationError(
            f"no strategy class is installed under the entry point group {ENTRY_POINT_GROUP}; install the "
            f"project"
        )
    source = Path(path)
    files = sorted(source.glob("*.yaml")) if source.is_dir() else [source]
    faults: list[str] = []
    found: list[DeclaredStrategy] = []
    for file in files:
        for place, entry in _entries(file, faults):
            declared = _declared(place, entry, file, known, faults)
            if declared is not None:
                found.append(declared)
    if not files:
        faults.append(f"{source}: no *.yaml file in it")
    _check_together(found, faults)
    if faults:
        raise DeclarationError("strategy declarations refused: " + "; ".join(faults))
    return [declared for declared in found if region in declared.regions]


def _entries(file: Path, faults: list[str]) -> list[tuple[str, dict[str, Any]]]:
    import yaml

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as fault:
        faults.append(f"{file}: cannot be read ({fault.strerror})")
        return []
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        faults.append(f"{file}: not YAML ({' '.join(str(fault).split())[:200]})")
        return []
    entries = document.get("strategies") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or set(document) != {"strategies"}:
        faults.append(f"{file}: must hold one key, strategies, with a list of entries")
        return []
    out = []
    for number, entry in enumerate(entries, start=1):
        name = entry.get("id", "?") if isinstance(entry, dict) else "?"
        place = f"{file.name} entry {number} ({name})"
        if isinstance(entry, dict):
            out.append((place, entry))
        else:
            faults.append(f"{place}: is not a mapping")
    return out


def _declared(
    place: str, entry: dict[str, Any], file: Path, known: Mapping[str, StrategyFactory], faults: list[str]
) -> DeclaredStrategy | None:
    mine: list[str] = []
    unknown = [str(key) for key in entry if key not in _KEYS]
    if unknown:
        mine.append(f"unknown key {', '.join(unknown)} (known: {', '.join(_KEYS)})")
    for key, kind in _KEYS.items():
        if key not in entry:
            if key not in _OPTIONAL:
                mine.append(f"no {key}")
        elif not _is(entry[key], kind):
            mine.append(f"{key} is {entry[key]!r}, not a {kind.__name__}")
    if mine:
        faults.append(f"{place}: {', '.join(mine)}")
        return None
    fraction, leverage = float(entry["capital_fraction"]), float(entry.get("max_leverage", 1.0))
    regions = tuple(entry["regions"])
    rules = {
        "id must be lower-case letters, digits and dashes": bool(_ID.match(entry["id"])),
        f"class {entry['class']!r} is unknown (known: {', '.join(sorted(known))})": entry["class"] in known,
        f"regions {list(regions)} must name some of {', '.join(REGIONS)}, each once": (
            bool(regions) and all(r in REGIONS for r in regions) and len({*map(str, regions)}) == len(regions)
        ),
        f"stage {entry['stage']!r} must be one of {', '.join(STAGES)}": entry["stage"] in STAGES,
        f"capital_fraction {fraction} must lie in (0, 1]": 0 < fraction <= 1,
        f"max_leverage {leverage} must lie in (0, 1]: strategies are long-only": 0 < leverage <= 1,
    }
    mine = [text for text, holds in rules.items() if not holds]
    params = dict(entry.get("params", {}))
    strategy = None
    if entry["class"] in known:
        strategy = _build(entry["id"], known[entry["class"]], params, mine)
    if mine or strategy is None:
        faults.append(f"{place}: {', '.join(mine)}")
        return None
    return DeclaredStrategy(
        id=entry["id"],
        class_name=entry["class"],
        regions=regions,
        params=params,
        capital_fraction=fraction,
        stage=entry["stage"],
        max_leverage=leverage,
        strategy=strategy,
        path=file,
    )


def _build(name: str, factory: StrategyFactory, params: dict[str, Any], faults: list[str]) -> Strategy | None:
    made = getattr(factory, "Params", None)
    if made is None:
        faults.append(f"class {factory} has no Params dataclass")
        return None
    allowed = {field.name: field for field in fields(made)}
    unknown = [str(key) for key in params if key not in allowed]
    if unknown:
        faults.append(f"unknown parameter {', '.join(unknown)} (known: {', '.join(allowed)})")
        return None
    for key, value in params.items():
        default = allowed[key].default
        if default is not MISSING and not _is(value, type(default)):
            faults.append(f"parameter {key} is {value!r}, not a {type(default).__name__}")
            return None
    try:
        strategy: Strategy = factory(id=name, params=made(**params))
    except ValueError as fault:
        faults.append(str(fault))
        return None
    return strategy


def _is(value: Any, kind: type) -> bool:
    # YAML's true is no number, and an unset environment variable arrives as the text None.
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and isfinite(value)
    return isinstance(value, kind) and value != "None"


def _check_together(found: list[DeclaredStrategy], faults: list[str]) -> None:
    seen: dict[str, Path] = {}
    for declared in found:
        if declared.id in seen:
            faults.append(
                f"id {declared.id} is declared twice ({seen[declared.id].name}, {declared.path.name})"
            )
        seen[declared.id] = declared.path
    for region in REGIONS:
        total = sum(d.capital_fraction for d in found if region in d.regions and d.stage in _TRADING)
        if total > 1.0 + 1e-9:
            faults.append(
                f"capital fractions of trading strategies in {region} add up to {total:.4f}, above 1"
            )
