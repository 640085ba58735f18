"""The library of factors: text files, read strictly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from dnalyaw.factors._build import near
from dnalyaw.factors._errors import FactorError, FactorLibraryError
from dnalyaw.factors._parser import parse
from dnalyaw.factors._text import to_text
from dnalyaw.factors._tree import Expr, fields_of

_NAME = re.compile(r"[a-z][a-z0-9_]{1,63}")
_KEYS = {"name": str, "text": str, "reference": str, "sign": int, "horizon": int}
_OWN = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Factor:
    """One factor of the library.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and underscores; the column's name everywhere after.
    text : str
        Canonical text.
    expr : Expr
    family : str
    reference : str
        Paper or author.
    sign : {-1, 1}
        Whether a larger value is expected to precede larger (1) or smaller (-1) returns.
    horizon : int
        Sessions over which the effect is expected.
    data : frozenset of str
        Fields and groups that it reads.
    """

    name: str
    text: str
    expr: Expr
    family: str
    reference: str
    sign: int
    horizon: int
    data: frozenset[str]


@dataclass(frozen=True)
class FactorLibrary:
    """Factors with distinct names and distinct canonical texts, sorted by name."""

    factors: tuple[Factor, ...]

    def __len__(self) -> int:
        return len(self.factors)

    def __iter__(self) -> Iterator[Factor]:
        return iter(self.factors)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Factor:
        if name not in self._by_name:
            raise FactorLibraryError(f"no factor {name!r} in the library{near(name, self._by_name)}")
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Factor]:
        return {factor.name: factor for factor in self.factors}

    @property
    def names(self) -> tuple[str, ...]:
        """Names, ascending."""
        return tuple(factor.name for factor in self.factors)

    @property
    def families(self) -> tuple[str, ...]:
        """Families, ascending."""
        return tuple(sorted({factor.family for factor in self.factors}))

    @property
    def expressions(self) -> dict[str, Expr]:
        """Trees by name, as `evaluate_many` takes them."""
        return {factor.name: factor.expr for factor in self.factors}

    @property
    def lookback(self) -> int:
        """Earlier sessions that the longest factor reads."""
        return max((factor.expr.lookback for factor in self.factors), default=0)

    @property
    def content_hash(self) -> str:
        """SHA-256 of names and canonical texts, 64 hex digits: what a run records about its factors."""
        lines = "\n".join(f"{factor.name}\t{factor.text}" for factor in self.factors)
        return hashlib.sha256(lines.encode()).hexdigest()

    def select(
        self,
        families: Iterable[str] | None = None,
        names: Iterable[str] | None = None,
        data: Iterable[str] | None = None,
    ) -> FactorLibrary:
        """Return the factors that pass every condition given.

        Parameters
        ----------
        families, names : iterable of str, optional
            Keep these.
        data : iterable of str, optional
            Keep what needs nothing beyond these fields and groups, e.g. ``panel.available``.

        Raises
        ------
        FactorLibraryError
            A family or a name that the library does not have.
        """
        kept = list(self.factors)
        if families is not None:
            wanted = set(families)
            for family in sorted(wanted - set(self.families)):
                raise FactorLibraryError(f"no family {family!r}; there are {', '.join(self.families)}")
            kept = [f for f in kept if f.family in wanted]
        if names is not None:
            chosen = {self[name].name for name in names}
            kept = [f for f in kept if f.name in chosen]
        if data is not None:
            held = set(data)
            kept = [f for f in kept if f.data <= held]
        return FactorLibrary(tuple(kept))


def load_library(directory: Path | str | None = None) -> FactorLibrary:
    """Read every ``*.yaml`` file of a folder.

    Parameters
    ----------
    directory : path, optional
        The library that comes with the platform when not given. A file holds ``family`` and ``factors``, a
        list of ``name``, ``text``, ``reference``, ``sign`` (1 or -1) and ``horizon`` (sessions).

    Returns
    -------
    FactorLibrary

    Raises
    ------
    FactorLibraryError
        Names the file, the factor and the fault: unreadable YAML, a key that is missing, unknown or of
        another type, a text that is no factor, a name used twice, or a factor that is there already under
        another name.
    """
    root = Path(directory) if directory is not None else _OWN
    if not root.is_dir():
        raise FactorLibraryError(f"factor library {root}: no such folder")
    files = sorted(root.glob("*.yaml"))
    if not files:
        raise FactorLibraryError(f"factor library {root}: holds no .yaml file")
    names: dict[str, str] = {}
    texts: dict[str, str] = {}
    factors: list[Factor] = []
    for file in files:
        for factor in _read(file):
            if factor.name in names:
                raise FactorLibraryError(
                    f"{file.name}: factor {factor.name} is in {names[factor.name]} already; rename one"
                )
            if factor.text in texts:
                raise FactorLibraryError(
                    f"{file.name}: factor {factor.name} is the same as {texts[factor.text]}: {factor.text}; "
                    f"drop one"
                )
            names[factor.name] = file.name
            texts[factor.text] = factor.name
            factors.append(factor)
    return FactorLibrary(tuple(sorted(factors, key=lambda f: f.name)))


def _read(file: Path) -> Iterator[Factor]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FactorLibraryError(f"{file.name}: not readable as YAML: {error}") from error
    if not isinstance(content, dict) or set(content) != {"family", "factors"}:
        raise FactorLibraryError(f"{file.name}: wants exactly the keys family and factors")
    family, entries = content["family"], content["factors"]
    if not isinstance(family, str) or not _NAME.fullmatch(family):
        raise FactorLibraryError(f"{file.name}: family {family!r} is not a lower-case name")
    if not isinstance(entries, list) or not entries:
        raise FactorLibraryError(f"{file.name}: factors is not a list with entries")
    for number, entry in enumerate(entries, start=1):
        yield _factor(file.name, family, number, entry)


def _factor(file: str, family: str, number: int, entry: Any) -> Factor:
    where = f"{file}: factor {number}"
    if not isinstance(entry, Mapping):
        raise FactorLibraryError(f"{where} is not a mapping of {', '.join(_KEYS)}")
    if isinstance(entry.get("name"), str):
        where = f"{file}: factor {entry['name']}"
    for key in entry:
        if key not in _KEYS:
            raise FactorLibraryError(f"{where}: unknown key {key!r}; the keys are {', '.join(_KEYS)}")
    for key, kind in _KEYS.items():
        value = entry.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise FactorLibraryError(f"{where}: {key} is {value!r}, wanted {kind.__name__}")
    if not _NAME.fullmatch(entry["name"]):
        raise FactorLibraryError(
            f"{where}: the name wants lower-case letters, digits and underscores, 2 to 64"
        )
    if entry["sign"] not in (-1, 1):
        raise FactorLibraryError(f"{where}: sign is {entry['sign']}, wanted 1 or -1")
    if not 1 <= entry["horizon"] <= 252:
        raise FactorLibraryError(f"{where}: horizon is {entry['horizon']}, wanted 1 to 252 sessions")
    try:
        expr = parse(entry["text"])
    except FactorError as error:
        raise FactorLibraryError(f"{where}: {error}") from error
    return Factor(
        entry["name"],
        to_text(expr),
        expr,
        family,
        entry["reference"],
        entry["sign"],
        entry["horizon"],
        fields_of(expr),
    )
