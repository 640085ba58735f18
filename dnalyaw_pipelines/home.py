"""The data home: one folder that holds everything one installation knows about one data source."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from dnalyaw.pit import AsOf, BitemporalStore, Lake, StoreError

HOME_VARIABLE = "DNALYAW_HOME"
STORE_VARIABLE = "DNALYAW_STORE"
DEFAULT_ROOT = Path(".dnalyaw")
HISTORY_SESSIONS = 760
CONFIG_VERSION = 1
FIRST_DAY = date(1985, 1, 1)
"""The first day that any calendar here knows."""


class HomeError(Exception):
    """The data home cannot be used as asked; the message says what to do."""


@dataclass(frozen=True)
class RegionConfig:
    """A region's fixed facts, written when its data begins."""

    history_start: str
    genesis: str
    holidays: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class HomeConfig:
    """What a data home is bound to; written once, extended when a region is added.

    `firm_currency` (None: each account's own) is the one in which riskd counts the drawdown, `firm_rates` its units for
    one of an account's currency. `venue_model` switches on parts of the simulated venue that are off by default
    (docs/simvenue.md). `store` is the URL of a `BitemporalStore` that what is published also goes to
    (docs/point-in-time.md); a new home takes it from DNALYAW_STORE. All four can be set by hand in ``config.json``.
    """

    provider: str
    seed: int
    simulated: bool
    replay: bool
    regions: dict[str, RegionConfig]
    version: int = CONFIG_VERSION
    firm_currency: str | None = None
    firm_rates: dict[str, float] = field(default_factory=dict)
    venue_model: dict[str, Any] = field(default_factory=dict)
    store: str | None = None


def _check_firm(path: Path, config: HomeConfig) -> None:
    """Refuse what a person wrote wrongly: a drawdown in no currency is no drawdown."""
    if config.firm_currency is not None and not re.fullmatch(r"[A-Z]{3}", str(config.firm_currency)):
        raise HomeError(
            f"{path}: firm_currency {config.firm_currency!r} is no currency; give three capital letters"
        )
    rates = config.firm_rates if isinstance(config.firm_rates, dict) else {"firm_rates": config.firm_rates}
    for currency, rate in rates.items():
        number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not (number and isfinite(rate) and rate > 0):
            raise HomeError(
                f"{path}: firm_rates {currency!r} is {rate!r}; give units of the firm's currency for one of it, "
                f"a number above 0"
            )


def _check_venue(path: Path, config: HomeConfig) -> None:
    """Refuse what is no part of the venue's model, before anything is prepared by it."""
    given = config.venue_model
    if given == {}:
        return
    from dnalyaw.runtime import VENUE_PARTS

    wrong = sorted(set(given) - VENUE_PARTS) if isinstance(given, dict) else [repr(given)]
    if wrong:
        raise HomeError(
            f"{path}: venue_model has {', '.join(wrong)}; give an object of {', '.join(sorted(VENUE_PARTS))}"
        )


def _check_store(path: Path, config: HomeConfig) -> None:
    """Refuse what is no URL: rows must not land in a folder named by accident."""
    if config.store is not None and not (isinstance(config.store, str) and config.store.strip()):
        raise HomeError(
            f"{path}: store is {config.store!r}; give a folder or an fsspec URL, or null for none"
        )


def slug(provider: str) -> str:
    """A folder name for a provider: ``lean:../data/lean`` becomes ``lean-data-lean``."""
    return re.sub(r"[^A-Za-z0-9]+", "-", provider).strip("-").lower()


def default_home(provider: str = "sample") -> Path:
    """The home used when neither ``--home`` nor DNALYAW_HOME names one."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).absolute() if named else (DEFAULT_ROOT / slug(provider)).absolute()


class Home:
    """Paths and settings of one data home.

    Parameters
    ----------
    root : Path
        The folder. It need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.lake = Lake(self.root / "lake")

    @classmethod
    def active(cls) -> Home:
        """The home that DNALYAW_HOME names, else the default one of the sample market."""
        return cls(default_home())

    # -- configuration ------------------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        return self.root / "config.json"

    def config(self) -> HomeConfig:
        """The configuration; HomeError when this home has none yet or it cannot be read."""
        try:
            raw = json.loads(self.config_path.read_text())
        except FileNotFoundError:
            raise HomeError(f"{self.root} is empty: fill it with `dnalyaw run`") from None
        except (OSError, ValueError) as error:
            raise HomeError(
                f"{self.config_path} cannot be read ({error}); restore it or use another --home"
            ) from error
        version = raw.get("version") if isinstance(raw, dict) else None
        if version != CONFIG_VERSION:
            raise HomeError(f"{self.config_path} has version {version}, this is {CONFIG_VERSION}")
        try:
            regions = {code: RegionConfig(**value) for code, value in raw.pop("regions").items()}
            config = HomeConfig(regions=regions, **raw)
        except (AttributeError, KeyError, TypeError) as error:
            raise HomeError(
                f"{self.config_path} is not what a run wrote ({error}); restore it or use another --home"
            ) from error
        _check_firm(self.config_path, config)
        _check_venue(self.config_path, config)
        _check_store(self.config_path, config)
        return config

    def write_config(self, config: HomeConfig) -> None:
        """Write the configuration atomically."""
        self.root.mkdir(parents=True, exist_ok=True)
        partial = self.config_path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(config), indent=1))
        partial.rename(self.config_path)

    def ensure(self, provider: str, seed: int, sessions: dict[str, date]) -> HomeConfig:
        """Bind the home to a provider, and begin the data of each region at its first run.

        Parameters
        ----------
        provider : str
            As typed; a home holds the data of one provider.
        seed : int
            Of the simulated market.
        sessions : dict of region to date
            The session to be traded; the history is loaded up to the session before it.
        """
        from dnalyaw.market import next_session, previous_session, sessions_between

        opened = provider_for(provider, seed)
        if self.config_path.exists():
            config = self.config()
            if (config.provider, config.seed) != (provider, seed):
                raise HomeError(
                    f"{self.root} holds the data of {config.provider!r} (seed {config.seed}), not of {provider!r} "
                    f"(seed {seed}); name another --home"
                )
        else:
            replay = not opened.simulated
            config = HomeConfig(
                provider, seed, opened.simulated, replay, {}, store=os.environ.get(STORE_VARIABLE) or None
            )
        regions = dict(config.regions)
        for code, session in sessions.items():
            genesis = previous_session(code, session)
            if code in regions:
                if genesis.isoformat() < regions[code].genesis:
                    first = next_session(code, date.fromisoformat(regions[code].genesis))
                    raise HomeError(
                        f"{self.root} begins with session {first} of {code}; to run {session}, name another --home"
                    )
                continue
            held = [day for day in opened.sessions(code) if day <= genesis]
            if not held or held[-1] != genesis:
                raise HomeError(
                    f"{provider} has no data of {genesis}, the session before {session} ({code}); "
                    f"name another --session"
                )
            days = set(sessions_between(code, genesis, genesis + timedelta(days=3 * 365)))
            weekdays = (genesis + timedelta(days=n) for n in range((max(days) - genesis).days + 1))
            holidays = [d.isoformat() for d in weekdays if d.weekday() < 5 and d not in days]
            regions[code] = RegionConfig(
                held[-HISTORY_SESSIONS:][0].isoformat(), genesis.isoformat(), holidays
            )
        config = replace(config, regions=regions)
        self.write_config(config)
        return config

    # -- partitions ---------------------------------------------------------------------------------

    def partitions_until(self, region: str, partition: str) -> list[str]:
        """Every partition from the region's first one up to and including ``partition``."""
        from dnalyaw.market import sessions_between

        genesis = self._region(region).genesis
        if partition < genesis:
            raise HomeError(f"{region} {partition} is before the first partition of this home ({genesis})")
        days = sessions_between(region, date.fromisoformat(genesis), date.fromisoformat(partition))
        return [day.isoformat() for day in days]

    def window(self, region: str, feed: str, partition: str) -> tuple[date, date]:
        """First and last day of the data of a partition: the whole history for the first one.

        What has a row a session begins with the history that is computed on; what describes instruments begins with
        the first day that is known, because an instrument listed long ago still has its row there.
        """
        config = self._region(region)
        end = date.fromisoformat(partition)
        if partition != config.genesis:
            return end, end
        of_sessions = ("bars", "quotes", "series", "borrow")
        return (date.fromisoformat(config.history_start) if feed in of_sessions else FIRST_DAY), end

    def traded_session(self, region: str, partition: str) -> date:
        """The session that is traded on the data of a partition: the next one."""
        from dnalyaw.market import next_session

        return next_session(region, date.fromisoformat(partition))

    def as_of(self, region: str, partition: str) -> AsOf:
        """The decision moment of the session that is traded on the data of a partition."""
        from dnalyaw.market import decision_moment

        return AsOf(decision_moment(region, self.traded_session(region, partition)))

    def _region(self, region: str) -> RegionConfig:
        config = self.config()
        if region not in config.regions:
            raise HomeError(
                f"{self.root} holds no data of region {region}; it holds {', '.join(config.regions)}"
            )
        return config.regions[region]

    # -- places -------------------------------------------------------------------------------------

    def assets(self, *parts: str) -> Path:
        """Folder of the values of derived assets."""
        return self.root.joinpath("assets", *parts)

    def runtime(self, region: str) -> Path:
        """Folder of a region's compiled runtime."""
        return self.root / "runtime" / region.lower()

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def reports(self) -> Path:
        """``reports/`` of the working folder for the default homes, else inside the home."""
        default = (DEFAULT_ROOT / self.root.name).absolute()
        return Path("reports").absolute() if self.root == default else self.root / "reports"

    @property
    def trials(self) -> Path:
        return self.root / "trials.jsonl"

    def store(self, keys: Mapping[str, Sequence[str]] | None = None) -> BitemporalStore | None:
        """The store that what is published also goes to; None where the home has none.

        `keys` names the key columns of feeds that are declared under a name of their own.
        """
        url = self.config().store
        if url is None:
            return None
        try:
            return BitemporalStore(url, keys=keys)
        except StoreError as error:
            raise HomeError(f"{self.config_path}: store: {error}") from error

    # -- one run at a time --------------------------------------------------------------------------

    @contextmanager
    def lock(self, name: str = "run") -> Iterator[None]:
        """Hold the home, or a named part of it, for one run; HomeError names the run that holds it already."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / f"{name}.lock").open("a+")
        except OSError as error:
            raise HomeError(
                f"{self.root} cannot be used as a data home ({error.strerror}); name another --home"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise HomeError(
                    f"a run is going on in {self.root} (process {holder}); wait for it, or name another --home"
                ) from None
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()} since {datetime.now(UTC).isoformat(timespec='seconds')}")
            file.flush()
            yield


@lru_cache(maxsize=8)
def provider_for(spec: str, seed: int, fault: str | None = None, fault_session: date | None = None):
    """Open a provider once a process."""
    from dnalyaw.market.providers import open_provider

    return open_provider(spec, seed=seed, fault=fault, fault_session=fault_session)
