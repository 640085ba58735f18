"""What a feed's YAML says, judged: every fault of it is one line that names the file and the field."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnalyaw.quality import Rule

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VARIABLE = re.compile(r"\{\{[^}]*?\benv(?:\.|\(\s*['\"]|\[\s*['\"])(\w+)")
_LAG = re.compile(r"(\d+)\s*(m|min|h)")
SERIES = "series"


class FeedError(ValueError):
    """A feed is declared wrongly; the message names the file, the field and what to write."""


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """A rule as this feed has it.

    Attributes
    ----------
    rule : dnalyaw.quality.Rule
    severity : str
        ``error`` (blocks) or ``warn`` (is shown), the feed's own word before the rule's.
    reason : str or None
        Why the feed has another severity than the rule.
    """

    rule: Rule
    severity: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed, as its assets need it.

    Attributes
    ----------
    region, name, schema : str
        The table ``schema`` of the contract, published under ``name``.
    rules : tuple of JudgedBy
    provider : str or None
        As `open_provider` takes it; None is the home's own.
    compare_with : str or None
        A second provider for the cross-vendor rules.
    instruments : tuple of str
        Labels (names of series for ``series``), ``*`` and ``?`` allowed; empty takes all.
    left_out : tuple of (str, str)
        Rules that do not judge this feed, and why.
    owners : tuple of str
    """

    region: str
    name: str
    schema: str
    rules: tuple[JudgedBy, ...]
    provider: str | None = None
    compare_with: str | None = None
    instruments: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    owners: tuple[str, ...] = ("team:data",)

    @property
    def blocking(self) -> list[str]:
        """Names of the rules without whose green nothing is published."""
        return [judged.rule.name for judged in self.rules if judged.severity == "error"]


def plain_spec(region: str, feed: str) -> FeedSpec:
    """The feed of the home's own provider with every rule as it stands."""
    return FeedSpec(region, feed, feed, judged_by(feed, {}, {}))


class Place:
    """Where a declaration stands, for its errors."""

    def __init__(self, file: Path | str, feed: str) -> None:
        self.file, self.feed = file, feed

    def error(self, field: str, fault: str) -> FeedError:
        """The error of one field."""
        return FeedError(f"{self.file}: feed {self.feed!r}, field {field}: {fault}")


def require_variables(file: Path | str, attributes: Mapping[str, Any]) -> None:
    """Refuse a template that names an environment variable that is not set: it would become the text None."""
    for field, text in _texts("", attributes):
        for name in _VARIABLE.findall(text):
            if not os.environ.get(name):
                place = Place(file, str(attributes.get("feed")))
                raise place.error(
                    field, f"the environment variable {name} is not set; set it, or write the value"
                )


def _texts(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, Mapping):
        return [found for k, v in value.items() for found in _texts(f"{path}.{k}" if path else str(k), v)]
    if isinstance(value, Sequence):
        return [found for n, v in enumerate(value) for found in _texts(f"{path}[{n}]", v)]
    return []


def judged_by(
    schema: str,
    left_out: Mapping[str, str],
    severity: Mapping[str, tuple[str, str]],
    place: Place | None = None,
) -> tuple[JudgedBy, ...]:
    """The rules of a table with what a feed changes of them.

    Parameters
    ----------
    schema : str
        The contract's table.
    left_out : mapping of rule to reason
    severity : mapping of rule to (severity, reason)
    place : Place, optional
        Where they were written.

    Raises
    ------
    FeedError
        When a rule is unknown, a reason is missing, or rule ``schema`` would not block.
    """
    from dnalyaw.quality import RULES

    place = place or Place("-", schema)
    known = {rule.name: rule for rule in RULES[schema]}
    for field, names in (("gates.leave_out", left_out), ("severity", severity)):
        for name in names:
            if name not in known:
                raise place.error(
                    f"{field}.{name}", f"{schema} has no such rule; its rules are {', '.join(known)}"
                )
            if name == "schema":
                raise place.error(
                    f"{field}.schema", "what has not the table's columns is never published; remove it"
                )
    for name, reason in left_out.items():
        if not str(reason or "").strip():
            raise place.error(f"gates.leave_out.{name}", "a rule is left out with a reason; write one")
        if name in severity:
            raise place.error(f"severity.{name}", "the rule is left out under gates; remove one of the two")
    for name, (level, reason) in severity.items():
        if level not in ("error", "warn"):
            raise place.error(f"severity.{name}.level", f"{level!r} is no severity; write error or warn")
        if not reason.strip():
            raise place.error(
                f"severity.{name}.reason", "another severity than the rule's needs a reason; write one"
            )
    return tuple(
        JudgedBy(rule, *severity.get(name, (rule.severity, None)))
        for name, rule in known.items()
        if name not in left_out
    )


def checked_name(place: Place, name: str) -> str:
    """A feed's name: part of asset keys and of folders."""
    if not _NAME.fullmatch(name):
        raise place.error(
            "feed", f"{name!r} is no name; write lower case letters, digits and _, for example vendor_bars"
        )
    return name


def checked_schema(place: Place, schema: str) -> str:
    """One of the contract's tables."""
    from dnalyaw.market import FEEDS

    if schema not in FEEDS:
        raise place.error(
            "schema", f"{schema!r} is no table of the contract; write one of {', '.join(FEEDS)}"
        )
    return schema


def checked_region(place: Place, region: str) -> str:
    """A region that the platform knows."""
    from dnalyaw.market import REGIONS

    if region not in REGIONS:
        raise place.error("region", f"{region!r} is not known; write one of {', '.join(REGIONS)}")
    return region


def checked_provider(place: Place, field: str, spec: str | None) -> str | None:
    """A provider's form, without opening it: that happens when it is asked for data."""
    if spec is None:
        return None
    if not spec.strip() or re.search(r"(^|:)None($|[/:])", spec):
        raise place.error(field, f"{spec!r} names no provider; write one as `dnalyaw run --data` takes it")
    from dnalyaw.market.providers import PROVIDERS

    kinds = sorted({form.partition(":")[0] for form in PROVIDERS})
    if spec.partition(":")[0] not in kinds:
        raise place.error(field, f"there is no provider {spec!r}; use one of {', '.join(PROVIDERS)}")
    return spec


def checked_instruments(place: Place, region: str, schema: str, given: Sequence[str]) -> tuple[str, ...]:
    """Labels, or names of series, patterns allowed."""
    from dnalyaw.market import parse_label
    from dnalyaw.market import region as region_of

    for number, label in enumerate(given):
        field = f"instruments[{number}]"
        if not label.strip():
            raise place.error(field, "is empty; write a label, or leave the field out to take all")
        if schema == SERIES or any(sign in label for sign in "*?["):
            continue
        try:
            venue = parse_label(label).venue
        except ValueError as error:
            raise place.error(field, f"{error}") from None
        venues = region_of(region).venues
        if venue not in venues:
            raise place.error(field, f"{label!r} is not of {region}; its venues are {', '.join(venues)}")
    return tuple(given)


def lag_minutes(place: Place, text: str) -> int:
    """Minutes of ``90m`` or ``2h``."""
    matched = _LAG.fullmatch(text.strip())
    if matched is None:
        raise place.error("schedule.after_close", f"{text!r} is no lag; write minutes or hours, as 90m or 2h")
    return int(matched[1]) * (60 if matched[2] == "h" else 1)
