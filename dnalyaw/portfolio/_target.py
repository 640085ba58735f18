"""The target portfolio: what research hands to the runtime, checked and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from math import isfinite

from dnalyaw.portfolio._errors import PortfolioError

MICRO = 1_000_000


@dataclass(frozen=True, order=True)
class Target:
    """One name of a target portfolio.

    Attributes
    ----------
    instrument_id : int
    weight : float
        Fraction of the strategy's capital, rounded to 1e-6.
    stop_distance : float
        Currency per share, rounded to 1e-6; 0 is no stop.
    label : str
        For people; never used to find the instrument.
    """

    instrument_id: int
    weight: float
    stop_distance: float
    label: str = ""


@dataclass(frozen=True)
class TargetPortfolio:
    """Targets of one strategy for one session. A name that is absent means weight 0.

    Make it with `TargetPortfolio.build`, which rounds and checks.

    Attributes
    ----------
    strategy_id : str
    as_of : datetime
        Decision moment, UTC.
    session : date
        The session traded.
    region : str
    targets : tuple of Target
        Ascending by instrument, none of weight 0.
    """

    strategy_id: str
    as_of: datetime
    session: date
    region: str
    targets: tuple[Target, ...]

    @classmethod
    def build(
        cls,
        *,
        strategy_id: str,
        as_of: datetime,
        session: date,
        region: str,
        targets: Iterable[Target],
        max_leverage: float = 1.0,
    ) -> TargetPortfolio:
        """Round to millionths, drop what rounds to nothing, and check.

        Raises
        ------
        PortfolioError
            Names every fault: no id, no time zone, weights not finite or negative, gross above
            `max_leverage`, repeated or impossible instruments, stops not finite or negative.
        """
        given = list(targets)
        faults = []
        if not strategy_id.strip():
            faults.append("no strategy id")
        if not region.strip():
            faults.append("no region")
        if as_of.tzinfo is None:
            faults.append(f"as_of {as_of} has no time zone")
        if not (isfinite(max_leverage) and max_leverage > 0):
            faults.append(f"leverage {max_leverage} must be finite and above 0")
        seen: set[int] = set()
        for target in given:
            name = f"instrument {target.instrument_id}" + (f" ({target.label})" if target.label else "")
            if isinstance(target.instrument_id, bool) or not 0 < target.instrument_id < 2**63:
                faults.append(f"{name}: not a permanent instrument id")
            if target.instrument_id in seen:
                faults.append(f"{name}: given twice")
            seen.add(target.instrument_id)
            if not isfinite(target.weight):
                faults.append(f"{name}: weight {target.weight} is not finite")
            elif target.weight < 0:
                faults.append(f"{name}: weight {target.weight} is negative; strategies are long-only")
            if not isfinite(target.stop_distance) or target.stop_distance < 0:
                faults.append(f"{name}: stop distance {target.stop_distance} must be finite and not negative")
        if not faults:
            gross = sum(round(target.weight * MICRO) for target in given)
            # Every name may have been rounded up by half a millionth.
            if gross > max_leverage * MICRO + 0.5 * len(given) + 0.5:
                faults.append(f"gross weight {gross / MICRO:.6f} is above the leverage {max_leverage:g}")
        if faults:
            raise PortfolioError(
                f"target portfolio of {strategy_id or '?'} for {session} refused: " + "; ".join(faults)
            )
        rounded = (
            Target(
                t.instrument_id,
                round(t.weight * MICRO) / MICRO,
                _micro_stop(t.stop_distance) / MICRO,
                t.label,
            )
            for t in given
        )
        return cls(
            strategy_id=strategy_id,
            as_of=as_of.astimezone(UTC),
            session=session,
            region=region,
            targets=tuple(sorted(t for t in rounded if t.weight > 0.0)),
        )

    @property
    def gross(self) -> float:
        """Sum of the weights."""
        return sum(round(t.weight * MICRO) for t in self.targets) / MICRO

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (64 hex digits) over strategy, region, session, and weights and stops in millionths.

        Labels and the moment are not content: a renamed ticker or a second run of the same session changes
        nothing.
        """
        content = {
            "strategy_id": self.strategy_id,
            "region": self.region,
            "session": self.session.isoformat(),
            "targets": [
                [t.instrument_id, round(t.weight * MICRO), round(t.stop_distance * MICRO)]
                for t in self.targets
            ],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _micro_stop(distance: float) -> int:
    # A stop must not vanish in rounding: 0 means no stop, the whole notional at risk.
    return max(1, round(distance * MICRO)) if distance > 0 else 0
