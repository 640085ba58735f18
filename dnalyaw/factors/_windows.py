"""Kernels along time.

Each window is computed by itself, from exactly its own rows, oldest first: place by place over all windows
of a block at once. No result depends on where the panel starts, on the block, or on another instrument.
Sums of raw values are compensated (two-sum); central moments are summed plainly in two passes, which loses
nothing they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import numpy.typing as npt

from dnalyaw.factors._operators import EMA_SESSIONS_PER_SPAN, required
from dnalyaw.factors._panel import Array

_BLOCK_CELLS = 8192
"""Cells of a block: its few buffers stay in a core's own cache."""

FLAT = 1e-12
"""A window whose standard deviation is at most this share of its mean's magnitude is flat."""

Mask = npt.NDArray[np.bool_]
Count = npt.NDArray[np.int64]


class Window:
    """The windows of w sessions that end at each row of a panel, with NaN as absent.

    Parameters
    ----------
    w : int
    arrays : ndarray of float64, shape (T, N)
        Several arrays are used pairwise: a session counts where all are present.
    """

    def __init__(self, w: int, *arrays: Array) -> None:
        self.w = w
        self.shape = arrays[0].shape
        present = np.isfinite(arrays[0])
        for values in arrays[1:]:
            present &= np.isfinite(values)
        self.present = present
        self.filled = tuple(np.where(present, values, 0.0) for values in arrays)
        # Whole numbers: a running sum of them is exact wherever it starts.
        running = np.zeros((self.shape[0] + 1, self.shape[1]), dtype=np.int64)
        np.cumsum(present, axis=0, out=running[1:])
        self.count: Count = np.zeros(self.shape, dtype=np.int64)
        if self.shape[0] >= w:
            self.count[w - 1 :] = running[w:] - running[: self.shape[0] - w + 1]
        self.enough = self.count >= required(w)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield the row ranges [start, stop) that have whole windows."""
        rows = max(1, _BLOCK_CELLS // max(1, self.shape[1]))
        for start in range(self.w - 1, self.shape[0], rows):
            yield start, min(start + rows, self.shape[0])

    def place(self, values: npt.NDArray, k: int, start: int, stop: int) -> npt.NDArray:
        """Return place k (0 the oldest) of every window that ends in [start, stop)."""
        first = start - self.w + 1 + k
        return values[first : first + stop - start]

    def finish(self, values: Array) -> Array:
        """Return values with NaN where the window does not hold enough, or the value is not finite."""
        return np.where(self.enough & np.isfinite(values), values, np.nan)

    def newest(self, values: Array) -> Array:
        """Return values with NaN where the newest session is absent."""
        return np.where(self.present, values, np.nan)

    def sums(self, values: Array, weights: npt.NDArray[np.float64] | None = None) -> Array:
        """Return compensated sums of already filled values, each place times its weight if given."""
        out = np.zeros(self.shape)
        for start, stop in self.blocks():
            total = np.zeros((stop - start, self.shape[1]))
            lost = np.zeros_like(total)
            new, back, rest = np.empty_like(total), np.empty_like(total), np.empty_like(total)
            scaled = np.empty_like(total)
            for k in range(self.w):
                term = self.place(values, k, start, stop)
                if weights is not None:
                    term = np.multiply(term, weights[k], out=scaled)
                # Knuth's two-sum: total + term = new + error exactly.
                np.add(total, term, out=new)
                np.subtract(new, total, out=back)
                np.subtract(new, back, out=rest)
                np.subtract(total, rest, out=rest)
                np.subtract(term, back, out=back)
                np.add(rest, back, out=rest)
                np.add(lost, rest, out=lost)
                total, new = new, total
            out[start:stop] = total + lost
        return out

    def plain_sums(self, term: Callable[[int, int, int], Array]) -> Array:
        """Return sums, oldest first, of ``term(k, start, stop)`` over the places k."""
        out = np.zeros(self.shape)
        for start, stop in self.blocks():
            total = out[start:stop]
            for k in range(self.w):
                np.add(total, term(k, start, stop), out=total)
        return out

    def means(self) -> tuple[Array, ...]:
        """Return the mean of the present values, one array for each input."""
        n = np.maximum(self.count, 1)
        return tuple(self.sums(values) / n for values in self.filled)

    def moment(self, first: Array, second: Array, a: int = 0, b: int = 0) -> Array:
        """Return sums of (x_a - mean_a)(x_b - mean_b) over the present sessions."""
        xa, xb = self.filled[a], self.filled[b]

        def term(k: int, start: int, stop: int) -> Array:
            left = self.place(xa, k, start, stop) - first[start:stop]
            right = left if a == b else self.place(xb, k, start, stop) - second[start:stop]
            product = left * right
            product *= self.place(self.present, k, start, stop)
            return product

        return self.plain_sums(term)

    def flat(self, mean: Array, squares: Array) -> Mask:
        """Return where a window has no spread beyond rounding."""
        return squares <= self.count * (FLAT * np.abs(mean)) ** 2


def delay(x: Array, d: int) -> Array:
    """Return x of d sessions ago."""
    out = np.full_like(x, np.nan)
    if d < len(x):
        out[d:] = x[: len(x) - d]
    return out


def ts_sum(x: Array, w: int) -> Array:
    """Return sums."""
    window = Window(w, x)
    return window.finish(window.sums(window.filled[0]))


def ts_mean(x: Array, w: int) -> Array:
    """Return means."""
    window = Window(w, x)
    return window.finish(window.means()[0])


def ts_var(x: Array, w: int) -> Array:
    """Return sample variances."""
    window = Window(w, x)
    (mean,) = window.means()
    squares = window.moment(mean, mean)
    squares[window.flat(mean, squares)] = 0.0
    return window.finish(np.where(window.count > 1, squares / np.maximum(window.count - 1, 1), np.nan))


def ts_std(x: Array, w: int) -> Array:
    """Return sample standard deviations."""
    return np.sqrt(ts_var(x, w))


def ts_skew(x: Array, w: int) -> Array:
    """Return adjusted sample skewness."""
    window = Window(w, x)
    (mean,) = window.means()
    squares = window.moment(mean, mean)
    filled = window.filled[0]

    def cube(k: int, start: int, stop: int) -> Array:
        d = window.place(filled, k, start, stop) - mean[start:stop]
        product = d * d * d
        product *= window.place(window.present, k, start, stop)
        return product

    cubes = window.plain_sums(cube)
    n = window.count.astype(np.float64)
    usable = (n > 2) & ~window.flat(mean, squares)
    n = np.where(usable, n, np.nan)
    return window.finish(n * np.sqrt(n - 1) / (n - 2) * cubes / (squares * np.sqrt(squares)))


def _extreme(x: Array, w: int, largest: bool) -> tuple[Window, Array, Array]:
    """Return the extreme of each window and its place from 1, the oldest of equals."""
    window = Window(w, x)
    sign = 1.0 if largest else -1.0
    keyed = np.where(window.present, sign * x, -np.inf)
    best = np.full(window.shape, -np.inf)
    place = np.full(window.shape, np.nan)
    for start, stop in window.blocks():
        own_best, own_place = best[start:stop], place[start:stop]
        for k in range(w):
            term = window.place(keyed, k, start, stop)
            better = term > own_best
            np.copyto(own_best, term, where=better)
            np.copyto(own_place, float(k + 1), where=better)
    return window, sign * best, place


def ts_max(x: Array, w: int) -> Array:
    """Return largest values."""
    window, best, _ = _extreme(x, w, True)
    return window.finish(best)


def ts_min(x: Array, w: int) -> Array:
    """Return smallest values."""
    window, best, _ = _extreme(x, w, False)
    return window.finish(best)


def ts_argmax(x: Array, w: int) -> Array:
    """Return places of the largest."""
    window, _, place = _extreme(x, w, True)
    return window.finish(place)


def ts_argmin(x: Array, w: int) -> Array:
    """Return places of the smallest."""
    window, _, place = _extreme(x, w, False)
    return window.finish(place)


def ts_rank(x: Array, w: int) -> Array:
    """Return ranks of the newest values, from whole doubled ranks."""
    window = Window(w, x)
    doubled = np.ones(window.shape, dtype=np.int64)
    for start, stop in window.blocks():
        newest, own = x[start:stop], doubled[start:stop]
        for k in range(w):
            term = window.place(x, k, start, stop)
            own += term < newest
            own += term <= newest
    return window.newest(window.finish(doubled / (2 * np.maximum(window.count, 1))))


def ts_quantile(x: Array, w: int, q: float) -> Array:
    """Return quantiles, linear between order statistics."""
    window = Window(w, x)
    out = np.full(window.shape, np.nan)
    clean = np.where(window.present, x, np.nan)
    rows = max(1, 16 * _BLOCK_CELLS // max(1, w * window.shape[1]))
    for start in range(w - 1, window.shape[0], rows):
        stop = min(start + rows, window.shape[0])
        views = np.lib.stride_tricks.sliding_window_view(clean[start - w + 1 : stop], w, axis=0)
        out[start:stop] = order_quantile(np.sort(views, axis=-1), window.count[start:stop], q)
    return window.finish(out)


def order_quantile(ordered: Array, count: Count, q: float) -> Array:
    """Return quantile q of ascending values along the last axis, the first ``count`` of which are present."""
    place = q * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    above = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    return below + (place - low) * (above - below)


def ts_product(x: Array, w: int) -> Array:
    """Return products, oldest first."""
    window = Window(w, x)
    ones = np.where(window.present, x, 1.0)
    out = np.ones(window.shape)
    for start, stop in window.blocks():
        for k in range(w):
            out[start:stop] *= window.place(ones, k, start, stop)
    return window.finish(out)


def ts_zscore(x: Array, w: int) -> Array:
    """Return newest values in standard deviations from the mean."""
    window = Window(w, x)
    (mean,) = window.means()
    squares = window.moment(mean, mean)
    usable = (window.count > 1) & ~window.flat(mean, squares)
    std = np.sqrt(np.where(usable, squares, np.nan) / np.maximum(window.count - 1, 1))
    return window.newest(window.finish((x - mean) / std))


def ts_corr(x: Array, y: Array, w: int) -> Array:
    """Return Pearson correlations."""
    window = Window(w, x, y)
    mx, my = window.means()
    xx, yy = window.moment(mx, mx), window.moment(my, my, 1, 1)
    xy = window.moment(mx, my, 0, 1)
    flat = window.flat(mx, xx) | window.flat(my, yy)
    scale = np.sqrt(np.where(flat, np.nan, xx)) * np.sqrt(np.where(flat, np.nan, yy))
    return window.finish(np.clip(xy / scale, -1.0, 1.0))


def ts_cov(x: Array, y: Array, w: int) -> Array:
    """Return sample covariances."""
    window = Window(w, x, y)
    mx, my = window.means()
    xy = window.moment(mx, my, 0, 1)
    return window.finish(np.where(window.count > 1, xy / np.maximum(window.count - 1, 1), np.nan))


def _regression(y: Array, x: Array, w: int) -> tuple[Window, Array, Array, Array]:
    """Return the windows, the slope of y on x, and both means; NaN slope where x is flat."""
    window = Window(w, y, x)
    my, mx = window.means()
    xx = window.moment(mx, mx, 1, 1)
    xy = window.moment(my, mx, 0, 1)
    slope = xy / np.where(window.flat(mx, xx), np.nan, xx)
    return window, slope, my, mx


def ts_beta(y: Array, x: Array, w: int) -> Array:
    """Return slopes of y on x."""
    window, slope, _, _ = _regression(y, x, w)
    return window.finish(slope)


def ts_beta_resid(y: Array, x: Array, w: int) -> Array:
    """Return newest residuals of y on x."""
    window, slope, my, mx = _regression(y, x, w)
    return window.newest(window.finish((y - my) - slope * (x - mx)))


def _trend(x: Array, w: int) -> tuple[Window, Array, Array, Array, Array]:
    """Return the windows, the slope on the place, the means of x and of the place, and the cross sums."""
    window = Window(w, x)
    (mean,) = window.means()
    present, filled = window.present, window.filled[0]
    n = np.maximum(window.count, 1)
    # Sums of whole places are exact, and so is their mean's numerator.
    places = window.plain_sums(lambda k, a, b: window.place(present, k, a, b) * float(k + 1)) / n

    def place_squares(k: int, start: int, stop: int) -> Array:
        d = (k + 1) - places[start:stop]
        return cast(Array, d * d * window.place(present, k, start, stop))

    def cross(k: int, start: int, stop: int) -> Array:
        d = (k + 1) - places[start:stop]
        product = d * (window.place(filled, k, start, stop) - mean[start:stop])
        return cast(Array, product * window.place(present, k, start, stop))

    pp = window.plain_sums(place_squares)
    px = window.plain_sums(cross)
    slope = px / np.where(pp > 0, pp, np.nan)
    return window, slope, mean, places, px


def ts_slope(x: Array, w: int) -> Array:
    """Return slopes on the session's place."""
    window, slope, _, _, _ = _trend(x, w)
    return window.finish(slope)


def ts_rsquare(x: Array, w: int) -> Array:
    """Return explained shares of variance."""
    window, slope, mean, _, px = _trend(x, w)
    squares = window.moment(mean, mean)
    usable = np.where(window.flat(mean, squares), np.nan, squares)
    return window.finish(np.clip(slope * px / usable, 0.0, 1.0))


def ts_resid(x: Array, w: int) -> Array:
    """Return newest residuals on the session's place."""
    window, slope, mean, places, _ = _trend(x, w)
    return window.newest(window.finish((x - mean) - slope * (w - places)))


def _weighted(x: Array, weights: list[float]) -> Array:
    window = Window(len(weights), x)
    factors = np.array(weights)
    over = window.sums(window.present.astype(np.float64), factors)
    return window.finish(window.sums(window.filled[0], factors) / np.where(over > 0, over, np.nan))


def decay_linear(x: Array, w: int) -> Array:
    """Return means with weights 1 to w."""
    return _weighted(x, [float(k + 1) for k in range(w)])


def ema(x: Array, n: int) -> Array:
    """Return means with exponential weights over 3 n sessions."""
    keep = 1.0 - 2.0 / (n + 1.0)
    weights = [1.0]
    for _ in range(EMA_SESSIONS_PER_SPAN * n - 1):
        weights.append(weights[-1] * keep)
    return _weighted(x, weights[::-1])
