"""The simulated market itself: returns, volatility, prices, actions and filings, session by session."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from dnalyaw.market.providers._sample._effects import EFFECTS
from dnalyaw.market.providers._sample._params import BLOCK, BURN_IN, PARAMS, SECTORS
from dnalyaw.market.providers._sample._streams import stream
from dnalyaw.market.providers._sample._universe import NEVER, Universe, clock, universe

__all__ = ["Action", "Filing", "Jump", "Market"]

Floats = NDArray[np.float64]

_STRENGTH = {effect.name: effect.strength for effect in EFFECTS}
_SPLITS = np.array([2.0, 3.0, 4.0, 5.0, 10.0, 20.0])

# Daily volatility of the factors in calm times, and how long their waves last.
_MARKET_VOL, _SECTOR_VOL = 0.0075, 0.0055
_PERSISTENCE, _VOL_OF_VOL, _LEVERAGE = 0.965, 0.11, 0.10
_IDIO_PERSISTENCE, _IDIO_VOL_OF_VOL = 0.95, 0.10
_DRIFT = 0.0007
_TAKEOVER_LEAD, _FAILURE_LEAD = 40, 8


@dataclass(frozen=True, slots=True)
class Action:
    """A split, dividend or delisting of instrument index `index`, effective at session ordinal `at`."""

    at: int
    index: int
    kind: str
    ratio: float | None
    amount: float | None


@dataclass(frozen=True, slots=True)
class Filing:
    """Figures of one issuer for one quarter, made public after the close of session ordinal `at`."""

    at: int
    source: int
    period_end: date
    form: str
    values: tuple[tuple[str, float], ...]
    restatement: bool


@dataclass(frozen=True, slots=True)
class Jump:
    """A planned move of one name (or of the whole market, index -1) on session ordinal `at`."""

    at: int
    index: int
    size: float
    why: str


class Market:
    """One region's simulated history, extended block by block and never redrawn.

    Parameters
    ----------
    region : str
    seed : int
    null : bool
        Plant no effect.

    Attributes
    ----------
    returns, volatility, close, base : ndarray, shape (sessions, instruments)
        Total return, the volatility it was drawn with, the raw close before rounding, and the previous
        close carried over the session's split and dividend.
    shock : ndarray, shape (sessions, instruments)
        Absolute own move in units of its volatility; trading volume follows it.
    gap : ndarray of bool, shape (sessions, instruments)
        Whether the session opens on news.
    factor : ndarray, shape (sessions,)
        Return that is common to all names, before their betas.
    """

    def __init__(self, region: str, seed: int, null: bool) -> None:
        self.region, self.seed, self.null = region, seed, null
        self.params = PARAMS[region]
        self.clock = clock(region)
        self.universe: Universe = universe(region, seed)
        sessions, n = len(self.clock.days), self.universe.size
        self.done = 0
        self.returns = np.zeros((sessions, n))
        self.volatility = np.zeros((sessions, n))
        self.close = np.zeros((sessions, n))
        self.base = np.zeros((sessions, n))
        self.shock = np.zeros((sessions, n))
        self.gap = np.zeros((sessions, n), dtype=bool)
        self.factor = np.zeros(sessions)
        self._wave_after = np.zeros(sessions)
        self.actions: list[Action] = []
        self.filings: list[Filing] = []
        self.jumps: list[Jump] = []
        # Sums over sessions, so that each trailing window costs one subtraction.
        self._log_total = np.zeros((sessions + 1, n))
        self._squares = np.zeros((sessions + 1, n))
        u = self.universe
        self._price = u.price.copy()
        self._shares = u.shares.copy()
        self._book = u.price * u.shares * u.book_to_market
        self._filed = self._book.copy()
        self._has_filed = np.zeros(n, dtype=bool)
        self._latest_quarter = np.full(n, -1)
        self._revenue = u.price * u.shares * u.earnings_yield / 4 / u.margin
        self._market_wave = 0.0
        self._own_wave = np.zeros(n)
        self._source = np.where(u.twin >= 0, u.twin, np.arange(n))
        self._first = u.twin < 0
        self._due: dict[int, list[tuple[int, int, Filing, float]]] = defaultdict(list)
        self._offers: dict[int, float] = {}
        self._crashes = self._plan_crashes()
        self._ends = self._quarter_ends()
        self._reporting = self._plan_filings()

    def _plan_crashes(self) -> dict[int, float]:
        """Plan one day of -8 to -12% about every 300 sessions, none in the first 60 after the origin."""
        rng = stream(self.seed, self.params.stream, "events")
        crashes: dict[int, float] = {}
        at = BURN_IN + int(rng.integers(60, 200))
        while at < len(self.clock.days):
            crashes[at] = -float(rng.uniform(0.08, 0.12))
            at += int(rng.integers(200, 400))
        return crashes

    def _plan_filings(self) -> dict[int, list[tuple[int, int]]]:
        """Return, for each session, the (quarter ordinal, issuer) whose figures come out on it."""
        plan: dict[int, list[tuple[int, int]]] = defaultdict(list)
        days, n = self.clock.days, self.universe.size
        numbers = np.array([d.toordinal() for d in days])
        for q, end in enumerate(self._ends):
            lags = stream(self.seed, self.params.stream, "quarters", 2 * q).integers(25, 61, n)
            places = np.searchsorted(numbers, end.toordinal() + lags)
            for i in np.flatnonzero(self._first).tolist():
                at = int(places[i])
                if at < len(days) and self.universe.listed[i] < at - 20 and at < self.universe.delisted[i]:
                    plan[at].append((q, i))
        return plan

    def _quarter_ends(self) -> list[date]:
        days = self.clock.days
        ends = []
        for y in range(days[0].year, days[-1].year + 1):
            for month in (4, 7, 10, 13):
                end = date(y + month // 13, (month - 1) % 12 + 1, 1) - timedelta(days=1)
                if days[0] < end < days[-1]:
                    ends.append(end)
        return ends

    def extend(self, ordinal: int) -> None:
        """Simulate every block up to the one that holds session `ordinal`."""
        while self.done <= ordinal:
            self._block(self.done // BLOCK)

    def expected_volatility(self, sessions: int) -> Floats:
        """Return the common factor's daily volatility over the next `sessions`, as its state at each close implies.

        The wave is let run out without news; shape (sessions of the clock,), meaningful where simulated.
        """
        decay = _PERSISTENCE ** np.arange(1, sessions + 1)
        waves = np.clip(self._wave_after[:, None] * decay, -1.2, 1.6)
        return np.asarray(_MARKET_VOL * np.sqrt(np.mean(np.exp(2.0 * waves), axis=1)))

    def _block(self, number: int) -> None:
        first = number * BLOCK
        last = min(first + BLOCK, len(self.clock.days))
        u, n = self.universe, self.universe.size
        rng = stream(self.seed, self.params.stream, "returns", number)
        # Student's t with 5 degrees of freedom, scaled to unit variance; the clip keeps moments finite.
        market = (rng.standard_t(5, BLOCK) * np.sqrt(0.6)).clip(-5, 5)
        sectors = (rng.standard_t(6, (BLOCK, len(SECTORS))) * np.sqrt(2 / 3)).clip(-5, 5)
        own = (rng.standard_t(5, (BLOCK, n)) * np.sqrt(0.6)).clip(-6, 6)
        market_wave = rng.normal(size=BLOCK)
        own_wave = rng.normal(size=(BLOCK, n))
        apart = rng.normal(size=(BLOCK, n))
        jumps = self._plan_jumps(first, last, rng)
        for k in range(last - first):
            t = first + k
            alpha = self._alpha(t)
            self._market_wave = (
                _PERSISTENCE * self._market_wave
                + _VOL_OF_VOL * market_wave[k]
                - _LEVERAGE * (market[k - 1] if k else 0.0)
            )
            self._own_wave = _IDIO_PERSISTENCE * self._own_wave + _IDIO_VOL_OF_VOL * own_wave[k]
            common = np.exp(np.clip(self._market_wave, -1.2, 1.6))
            sigma_market = _MARKET_VOL * common
            sigma = u.volatility * np.exp(np.clip(self._own_wave + 0.35 * self._market_wave, -1.2, 1.5))
            quiet = self._muted(t)
            sigma = sigma * quiet
            factor = _DRIFT + sigma_market * market[k]
            if t in self._crashes:
                # Nearly everything falls together on such a day; the wave of volatility follows.
                factor = self._crashes[t]
                self._market_wave += 0.9
                self.jumps.append(Jump(t, -1, factor, "market crash"))
            self.factor[t], self._wave_after[t] = factor, self._market_wave
            spread_of_beta = 0.6 + 0.4 * u.beta if t in self._crashes else u.beta
            news = own[k].copy()
            reporting = [i for _, i in self._reporting.get(t, ())]
            news[reporting] *= 2.2
            r = (
                (spread_of_beta * factor + _SECTOR_VOL * common * sectors[k, u.sector])
                * np.minimum(quiet, 1.0)
                + sigma * news
                + alpha
            )
            shock = np.abs(news)
            gap = np.zeros(n, dtype=bool)
            gap[reporting] = np.abs(news[reporting]) > 3.0
            for name, size, why in jumps.get(t, ()):
                r[name] += size
                shock[name] = abs(size) / sigma[name]
                gap[name] = True
                self.jumps.append(Jump(t, name, float(size), why))
            r = r.clip(-0.85, 1.0)
            # A second class moves with the first, but for a little of its own.
            r = np.where(self._first, r, r[self._source] + 0.0015 * apart[k])
            shock, gap = shock[self._source], gap[self._source]
            self._advance(t, r, shock, gap, sigma, sigma_market * u.beta)
        self.done = last

    def _plan_jumps(
        self, first: int, last: int, rng: np.random.Generator
    ) -> dict[int, list[tuple[int, float, str]]]:
        """Return the planned jumps of one block, by session."""
        u = self.universe
        jumps: dict[int, list[tuple[int, float, str]]] = defaultdict(list)
        reporting = [(t, i) for t in range(first, last) for _, i in self._reporting.get(t, ())]
        sizes = rng.uniform(0.2, 0.3, 8) * rng.choice([-1.0, 1.0], 8)
        picks = rng.random(8)
        leaving = rng.random((2, u.size))
        if first >= BURN_IN and reporting:
            for k in range(self.params.earnings_jumps):
                t, i = reporting[int(picks[k] * len(reporting))]
                # A company on its way out has its own news.
                if u.delisted[i] - t > 60 and not any(i == other for other, *_ in jumps.get(t, ())):
                    jumps[t].append((i, float(sizes[k]), "earnings"))
        for i in np.flatnonzero(u.delisted != NEVER).tolist():
            at = int(u.delisted[i]) - (_FAILURE_LEAD if u.failure[i] else _TAKEOVER_LEAD)
            if first <= at < last:
                size = -0.5 - 0.2 * leaving[0, i] if u.failure[i] else 0.18 + 0.14 * leaving[0, i]
                jumps[at].append((i, float(size), "failure" if u.failure[i] else "takeover bid"))
        return jumps

    def _muted(self, t: int) -> Floats:
        """Return the factor on each name's volatility after the news that will end its listing."""
        u = self.universe
        left = u.delisted - t
        factor = np.ones(u.size)
        factor[~u.failure & (left < _TAKEOVER_LEAD)] = 0.12
        factor[u.failure & (left < _FAILURE_LEAD)] = 2.0
        return factor

    def _alpha(self, t: int) -> Floats:
        """Return the expected return of session `t` that is planted, from what the last close knew."""
        u = self.universe
        if self.null or t < 130:
            return np.zeros(u.size)
        log_total, now = self._log_total, t
        age = t - u.listed
        live = (age > 0) & (t < u.delisted)
        week = log_total[now] - log_total[now - 5]
        members = live & (age > 6)
        mean = np.bincount(u.sector[members], week[members], len(SECTORS)) / np.maximum(
            np.bincount(u.sector[members], minlength=len(SECTORS)), 1
        )
        variance = (self._squares[now] - self._squares[now - 63]) / 63
        with np.errstate(divide="ignore"):
            scores = {
                "reversal": (mean[u.sector] - week, members),
                "momentum": (log_total[now - 21] - log_total[now - 126], live & (age > 127)),
                "value": (
                    np.log(np.maximum(self._filed, 1.0) / (self._price * self._shares)),
                    live & self._has_filed,
                ),
                "low_volatility": (-0.5 * np.log(variance), live & (age > 64)),
            }
        total = np.zeros(u.size)
        for name, (score, who) in scores.items():
            total += _STRENGTH[name] * _zscore(score, who)
        # What is left of a company after a bid or a failure no longer follows the market's habits.
        return np.where(self._muted(t) == 1.0, total, 0.0)

    def _advance(
        self, t: int, r: Floats, shock: Floats, gap: NDArray[np.bool_], own: Floats, common: Floats
    ) -> None:
        """Apply one session's returns to prices, after the actions that are effective on it."""
        u = self.universe
        live = (t >= u.listed) & (t < u.delisted)
        r = np.where(live, r, 0.0)
        self.base[t] = self._price
        if t >= BURN_IN:
            self._splits(t, live)
            self._dividends(t, live)
        self._price = self.base[t] * (1.0 + r)
        self.close[t] = self._price
        self.returns[t], self.shock[t], self.gap[t] = r, shock, gap & live
        self.volatility[t] = np.hypot(own, common)
        self._log_total[t + 1] = self._log_total[t] + np.log1p(r)
        self._squares[t + 1] = self._squares[t] + r * r
        self._file(t)
        self._delist(t)

    def _splits(self, t: int, live: NDArray[np.bool_]) -> None:
        """Split what has become dear and merge what has become cheap, by the close two sessions before."""
        u, p = self.universe, self.params
        due = live & ((t + u.split_phase) % BLOCK == 0) & (t - u.listed > 20) & (u.delisted - t > 60)
        before = self.close[t - 2]
        ratio = np.ones(u.size)
        for i in np.flatnonzero(due & self._first):
            if before[i] > p.split_above:
                ratio[i] = _SPLITS[np.argmin(np.abs(before[i] / _SPLITS - p.price * 1.2))]
            elif before[i] < p.reverse_below:
                ratio[i] = 0.1
        ratio = ratio[self._source]
        self.base[t] = self.base[t] / ratio
        self._shares = self._shares * ratio
        for i in np.flatnonzero(ratio != 1.0):
            self.actions.append(Action(t, int(i), "split", float(ratio[i]), None))

    def _dividends(self, t: int, live: NDArray[np.bool_]) -> None:
        """Pay cash on each payer's own rhythm; the price falls by what is paid."""
        u, every = self.universe, self.params.dividend_every
        due = live & ((t + u.dividend_phase) % every == 0) & (u.dividend_yield > 0)
        due &= (t - u.listed > 20) & (u.delisted - t > 60) & (self.base[t] == self._price)
        amount = np.round(u.dividend_yield * every / 252 * self.close[t - 2], 2)
        for i in np.flatnonzero(due & (amount > 0)):
            self.base[t, i] -= amount[i]
            self._book[i] -= amount[i] * self._shares[i] * 0.5
            self.actions.append(Action(t, int(i), "dividend", None, float(amount[i])))

    def _delist(self, t: int) -> None:
        """Pay out what stops trading with the next session."""
        u = self.universe
        for i in np.flatnonzero(u.delisted == t + 1):
            draw = stream(self.seed, self.params.stream, "events", 1 + int(i))
            paid = self._price[i] * (draw.uniform(0.6, 1.4) if u.failure[i] else draw.normal(1.0, 0.002))
            self.actions.append(Action(t + 1, int(i), "delisting", None, round(float(paid), 2)))

    def _file(self, t: int) -> None:
        """Make public, after the close of session `t`, the figures and restatements that are due."""
        for q, i in self._reporting.get(t, ()):
            rng = stream(self.seed, self.params.stream, "quarters", 1 + 2 * (q * 4096 + i))
            draw = rng.normal(size=6)
            u = self.universe
            cap = self._price[i] * self._shares[i]
            income = cap * u.earnings_yield[i] / 4 * (1 + 0.35 * draw[0])
            self._book[i] = max(self._book[i] + income, 0.05 * cap)
            self._revenue[i] *= np.exp(0.012 + 0.04 * draw[1])
            end = self._ends[q]
            annual = end.month == 12
            forms = self.params.forms
            values = {
                "revenue": self._revenue[i],
                "net_income": income,
                "book_equity": self._book[i],
                "total_assets": self._book[i] * u.leverage[i],
                "shares_outstanding": self._shares[i],
                "operating_cash_flow": income * 1.2 + 0.02 * self._revenue[i] * draw[2],
            }
            self._publish(t, i, q, Filing(t, i, end, forms[annual], _rounded(values), False))
            if rng.random() < 0.05:
                later = t + int(rng.integers(30, 90))
                change = 0.15 * draw[3] * abs(income)
                restated = {
                    "revenue": values["revenue"] * (1 + 0.03 * draw[4]),
                    "net_income": income + change,
                    "book_equity": values["book_equity"] + change,
                }
                filing = Filing(later, i, end, forms[2 + annual], _rounded(restated), True)
                self._due[later].append((i, q, filing, change))
        for i, q, filing, change in self._due.pop(t, ()):
            if t < self.universe.delisted[i]:
                self._book[i] += change
                self._publish(t, i, q, filing)

    def _publish(self, t: int, i: int, quarter: int, filing: Filing) -> None:
        self.filings.append(filing)
        if quarter >= self._latest_quarter[i]:
            both = self._source == i
            self._latest_quarter[both] = quarter
            self._filed[both] = dict(filing.values)["book_equity"]
            self._has_filed[both] = True


def _rounded(values: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """Figures as companies print them: whole units."""
    return tuple((name, float(np.round(value))) for name, value in values.items())


def _zscore(score: Floats, who: NDArray[np.bool_]) -> Floats:
    """Return scores of `who` in standard deviations, clipped at 3 and centred; 0 for all others."""
    out = np.zeros(score.shape)
    if who.sum() < 5:
        return out
    inside = score[who]
    scale = inside.std()
    if not scale > 0:
        return out
    z = ((inside - inside.mean()) / scale).clip(-3, 3)
    out[who] = z - z.mean()
    return out
