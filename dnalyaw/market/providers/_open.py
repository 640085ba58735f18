"""From a provider's name on the command line to the provider."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from dnalyaw.market.providers._base import Provider, ProviderError

__all__ = ["PROVIDERS", "open_provider"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How providers of one kind are opened.

    Attributes
    ----------
    forms : tuple of str
        How it is written.
    rest : str
        What stands after the colon: ``folder`` (an existing one), ``text`` (anything, not empty), or ``none``.
    module, opener : str
        Where the class or function lies: a module of this package, imported only when it is asked for. It is called
        with a `pathlib.Path` or the text (nothing for ``none``) and ``name=`` the provider as typed.
    """

    forms: tuple[str, ...]
    rest: Literal["folder", "text", "none"]
    module: str
    opener: str


_KINDS: dict[str, _Kind] = {
    "lean": _Kind(("lean:DIR",), "folder", "_lean", "LeanProvider"),
    "csvdir": _Kind(("csvdir:DIR",), "folder", "_csvdir", "CsvDirProvider"),
    "alpaca": _Kind(("alpaca:AAPL,SPY",), "text", "_alpaca", "AlpacaProvider"),
    "yfinance": _Kind(("yfinance:AAPL,MSFT",), "text", "_yfinance", "YfinanceProvider"),
    "sp500": _Kind(("sp500",), "none", "_sp500", "Sp500Provider"),
}
"""Every kind but `sample`, whose settings are its own. A new provider is a line here."""

PROVIDERS: tuple[str, ...] = (
    "sample",
    "sample:null",
    *(form for kind in _KINDS.values() for form in kind.forms),
)
"""Forms that `open_provider` understands."""


def open_provider(
    spec: str, *, seed: int = 7, fault: str | None = None, fault_session: date | None = None
) -> Provider:
    """Open the provider named `spec`.

    Parameters
    ----------
    spec : str
        ``sample`` (simulated), ``sample:null`` (simulated, no effect planted), or one of `PROVIDERS`; docs/providers.md
        describes each.
    seed : int, default 7
        Seed of the simulated market; recorded data ignores it.
    fault : str, optional
        Name of a fault to put into what the provider delivers.
    fault_session : datetime.date, optional
        Session that carries the fault; the fault's own choice when omitted.

    Raises
    ------
    ProviderError
        If the provider, its folder or the fault is unknown or unusable.
    """
    provider = _open(spec, seed)
    if fault is None:
        if fault_session is not None:
            raise ProviderError("a fault session is given without a fault: name one with --fault, or drop it")
        return provider
    from dnalyaw.market.providers._faults import FAULTS, with_fault

    if fault not in FAULTS:
        raise ProviderError(f"unknown fault {fault!r}: use one of {', '.join(FAULTS)}")
    return with_fault(provider, fault, fault_session)


def _open(spec: str, seed: int) -> Provider:
    name, colon, rest = spec.partition(":")
    # Each provider is imported only when asked for: the simulation and skfolio are heavy.
    if name == "sample":
        if colon and rest != "null":
            raise ProviderError(f"unknown setting {rest!r} of provider sample: use sample or sample:null")
        from dnalyaw.market.providers._sample import SampleProvider

        return SampleProvider(seed=seed, null=rest == "null")
    kind = _KINDS.get(name)
    if kind is None or (kind.rest == "none" and colon):
        raise ProviderError(f"unknown provider {spec!r}: use one of {', '.join(PROVIDERS)}")
    given: tuple[Path | str, ...] = ()
    if kind.rest == "folder":
        given = (_folder(spec, rest),)
    elif kind.rest == "text":
        if not rest:
            raise ProviderError(f"provider {name} needs more: write {' or '.join(kind.forms)}")
        given = (rest,)
    module = importlib.import_module(f"dnalyaw.market.providers.{kind.module}")
    opener: Callable[..., Provider] = getattr(module, kind.opener)
    return opener(*given) if kind.rest == "none" else opener(*given, name=spec)


def _folder(spec: str, text: str) -> Path:
    kind = spec.partition(":")[0]
    if not text:
        raise ProviderError(f"provider {kind} needs a folder: write {kind}:DIR")
    folder = Path(text).expanduser()
    try:
        if not folder.exists():
            raise ProviderError(f"provider {spec}: {folder} does not exist; give the path of the data folder")
        if not folder.is_dir():
            raise ProviderError(f"provider {spec}: {folder} is a file; give the folder that holds it")
        next(folder.iterdir(), None)
    except OSError as error:
        raise ProviderError(
            f"provider {spec}: cannot read {folder} ({error.strerror}); check its permissions"
        ) from error
    return folder
