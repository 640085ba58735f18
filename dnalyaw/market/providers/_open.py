"""From a provider's name on the command line to the provider."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from dnalyaw.market.providers._base import Provider, ProviderError

__all__ = ["PROVIDERS", "open_provider"]

PROVIDERS: tuple[str, ...] = ("sample", "sample:null", "lean:DIR", "csvdir:DIR", "sp500")
"""Forms that `open_provider` understands."""


def open_provider(
    spec: str, *, seed: int = 7, fault: str | None = None, fault_session: date | None = None
) -> Provider:
    """Open the provider named `spec`.

    Parameters
    ----------
    spec : str
        ``sample`` (simulated), ``sample:null`` (simulated, no effect planted), ``lean:DIR`` (LEAN's folder
        layout), ``csvdir:DIR`` (CSV or Parquet, see docs/own-data.md) or ``sp500`` (closes 1990-2022).
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
    kind, colon, rest = spec.partition(":")
    # Each provider is imported only when asked for: the simulation and skfolio are heavy.
    if kind == "sample":
        if colon and rest != "null":
            raise ProviderError(f"unknown setting {rest!r} of provider sample: use sample or sample:null")
        from dnalyaw.market.providers._sample import SampleProvider

        return SampleProvider(seed=seed, null=rest == "null")
    if kind == "lean":
        folder = _folder(spec, rest)
        from dnalyaw.market.providers._lean import LeanProvider

        return LeanProvider(folder, name=spec)
    if kind == "csvdir":
        folder = _folder(spec, rest)
        from dnalyaw.market.providers._csvdir import CsvDirProvider

        return CsvDirProvider(folder, name=spec)
    if kind == "sp500" and not colon:
        from dnalyaw.market.providers._sp500 import Sp500Provider

        return Sp500Provider()
    raise ProviderError(f"unknown provider {spec!r}: use one of {', '.join(PROVIDERS)}")


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
