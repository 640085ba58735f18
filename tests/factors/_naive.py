"""An evaluator in plain Python loops, written from the reference alone; it imports nothing that it judges.

A tree arrives as nested tuples: ("field", name), ("number", v), (operator, arg, ...). A panel is a dict of
lists of rows of floats or None.
"""

from __future__ import annotations

import math
from statistics import fmean

ABSENT = None


def clean(value):
    return None if value is None or not math.isfinite(value) else value


def evaluate(tree, panel, rows, columns):
    """Return rows of floats or None."""
    kind = tree[0]
    if kind == "number":
        return [[tree[1]] * columns for _ in range(rows)]
    if kind == "field":
        return [list(row) for row in panel[tree[1]]]
    args = [
        a[1] if a[0] == "number" and i in LITERAL.get(kind, ()) else evaluate(a, panel, rows, columns)
        for i, a in enumerate(tree[1:])
    ]
    depth = lookback(tree)
    out = [[None] * columns for _ in range(rows)]
    for t in range(rows):
        if t < depth:
            continue
        for i in range(columns):
            out[t][i] = clean(compute(kind, args, t, i, columns))
    return out


LITERAL = {
    "power": (1,),
    "signed_power": (1,),
    "delay": (1,),
    "delta": (1,),
    "winsorize": (1,),
    "ts_quantile": (1, 2),
    "ts_corr": (2,),
    "ts_cov": (2,),
    "ts_beta": (2,),
    "ts_beta_resid": (2,),
    "ema": (1,),
    "decay_linear": (1,),
    **{
        f"ts_{n}": (1,)
        for n in (
            "sum",
            "mean",
            "std",
            "var",
            "skew",
            "min",
            "max",
            "argmin",
            "argmax",
            "rank",
            "product",
            "zscore",
            "count",
            "slope",
            "rsquare",
            "resid",
        )
    },
}


def window_of(tree):
    kind = tree[0]
    places = LITERAL.get(kind)
    if places is None or kind in ("power", "signed_power", "winsorize"):
        return 0
    n = int(tree[1 + places[0]][1])
    if kind in ("delay", "delta"):
        return n
    return 3 * n - 1 if kind == "ema" else n - 1


def lookback(tree):
    if tree[0] in ("field", "number"):
        return 0
    return window_of(tree) + max(lookback(a) for a in tree[1:])


def compute(kind, args, t, i, columns):
    if kind.startswith("ts_") or kind in ("decay_linear", "ema"):
        return along(kind, args, t, i)
    if kind in ("delay", "delta"):
        x, d = args
        old = x[t - int(d)][i]
        if kind == "delay" or old is None or x[t][i] is None:
            return old if kind == "delay" else None
        return x[t][i] - old
    if kind in CROSS:
        return across(kind, args, t, i, columns)
    return cell(kind, [a[t][i] if isinstance(a, list) else a for a in args])


def cell(kind, a):
    if kind == "where":
        return None if a[0] is None else (a[1] if a[0] == 1 else a[2])
    if any(v is None for v in a):
        return None
    try:
        value = CELL[kind](*a)
        return None if value is None else float(value)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None


def real_power(x, k):
    if k == int(k):
        return x ** int(k)
    return None if x < 0 else x**k


CELL = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "and": lambda x, y: x == 1 and y == 1,
    "or": lambda x, y: x == 1 or y == 1,
    "not": lambda x: x == 0,
    "neg": lambda x: -x,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "min": min,
    "max": max,
    "power": real_power,
    "signed_power": lambda x, k: math.copysign(abs(x) ** k, x) if x else 0.0,
}


def flat(mean, squares, n):
    return squares <= n * (1e-12 * abs(mean)) ** 2


def deviations(values):
    m = math.fsum(values) / len(values)
    d = [v - m for v in values]
    squares = math.fsum(v * v for v in d)
    return m, d, squares, flat(m, squares, len(values))


def along(kind, args, t, i):
    two = kind in ("ts_corr", "ts_cov", "ts_beta", "ts_beta_resid")
    n = int(args[2] if two else args[1])
    size = 3 * n if kind == "ema" else n
    span = range(t - size + 1, t + 1)
    if two:
        held = [(args[0][s][i], args[1][s][i]) for s in span]
        held = [(k + 1, a, b) for k, (a, b) in enumerate(held) if a is not None and b is not None]
    else:
        held = [(k + 1, args[0][s][i]) for k, s in enumerate(span) if args[0][s][i] is not None]
    if 4 * len(held) < 3 * size:
        return None
    newest_there = held[-1][0] == size
    if two:
        return pairs(kind, held, newest_there)
    values = [v for _, v in held]
    if kind in ("ts_rank", "ts_zscore", "ts_resid") and not newest_there:
        return None
    if kind == "ts_quantile":
        ordered, place = sorted(values), args[2] * (len(values) - 1)
        low = math.floor(place)
        high = min(low + 1, len(values) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])
    if kind in ("decay_linear", "ema"):
        weight = (lambda k: k) if kind == "decay_linear" else (lambda k: (1 - 2 / (n + 1)) ** (size - k))
        over = math.fsum(weight(k) for k, _ in held)
        return math.fsum(weight(k) * v for k, v in held) / over if over else None
    return SINGLE[kind](values, held, size)


def skewness(v):
    _, d, squares, is_flat = deviations(v)
    n = len(v)
    if n < 3 or is_flat:
        return None
    return n * math.sqrt(n - 1) / (n - 2) * math.fsum(x**3 for x in d) / squares**1.5


def variance(v):
    _, _, squares, is_flat = deviations(v)
    return None if len(v) < 2 else (0.0 if is_flat else squares / (len(v) - 1))


def trend(held):
    n = len(held)
    mp, mv = sum(k for k, _ in held) / n, fmean(v for _, v in held)
    pp = math.fsum((k - mp) ** 2 for k, _ in held)
    pv = math.fsum((k - mp) * (v - mv) for k, v in held)
    return (None if pp == 0 else pv / pp), mp, mv, pv


def rsquare(v, held, size):
    slope, _, _, pv = trend(held)
    _, _, squares, is_flat = deviations(v)
    return None if is_flat or slope is None else min(1.0, max(0.0, slope * pv / squares))


def resid(v, held, size):
    slope, mp, mv, _ = trend(held)
    return None if slope is None else v[-1] - mv - slope * (size - mp)


def zscore(v, held, size):
    m, _, squares, is_flat = deviations(v)
    return None if len(v) < 2 or is_flat else (v[-1] - m) / math.sqrt(squares / (len(v) - 1))


def average_rank(values, value):
    return (sum(v < value for v in values) + (sum(v == value for v in values) + 1) / 2) / len(values)


SINGLE = {
    "ts_sum": lambda v, h, s: math.fsum(v),
    "ts_count": lambda v, h, s: math.fsum(v),
    "ts_mean": lambda v, h, s: math.fsum(v) / len(v),
    "ts_var": lambda v, h, s: variance(v),
    "ts_std": lambda v, h, s: None if variance(v) is None else math.sqrt(variance(v)),
    "ts_skew": lambda v, h, s: skewness(v),
    "ts_min": lambda v, h, s: min(v),
    "ts_max": lambda v, h, s: max(v),
    "ts_argmin": lambda v, h, s: next(k for k, x in h if x == min(v)),
    "ts_argmax": lambda v, h, s: next(k for k, x in h if x == max(v)),
    "ts_rank": lambda v, h, s: average_rank(v, v[-1]),
    "ts_product": lambda v, h, s: math.prod(v),
    "ts_zscore": zscore,
    "ts_slope": lambda v, h, s: trend(h)[0],
    "ts_rsquare": rsquare,
    "ts_resid": resid,
}


def pairs(kind, held, newest_there):
    a, b = [x for _, x, _ in held], [y for _, _, y in held]
    ma, da, aa, flat_a = deviations(a)
    mb, db, bb, flat_b = deviations(b)
    ab = math.fsum(x * y for x, y in zip(da, db, strict=True))
    if kind == "ts_cov":
        return None if len(a) < 2 else ab / (len(a) - 1)
    if kind == "ts_corr":
        return None if flat_a or flat_b else min(1.0, max(-1.0, ab / math.sqrt(aa) / math.sqrt(bb)))
    if flat_b:
        return None
    if kind == "ts_beta":
        return ab / bb
    return (a[-1] - ma) - ab / bb * (b[-1] - mb) if newest_there else None


CROSS = {
    "rank",
    "zscore",
    "scale",
    "demean",
    "winsorize",
    "neutralize",
    "cs_mean",
    "cs_std",
    "group_rank",
    "group_mean",
    "group_neutralize",
    "group_zscore",
}


def across(kind, args, t, i, columns):
    x = args[0][t]
    members = range(columns)
    if kind.startswith("group_"):
        members = [j for j in members if args[1][t][j] == args[1][t][i]]
        kind = {
            "group_rank": "rank",
            "group_mean": "cs_mean",
            "group_neutralize": "demean",
            "group_zscore": "zscore",
        }[kind]
    if kind == "neutralize":
        held = [(x[j], args[1][t][j]) for j in members if x[j] is not None and args[1][t][j] is not None]
        if x[i] is None or args[1][t][i] is None:
            return None
        my, dy, _, _ = deviations([p for p, _ in held])
        mx, dx, xx, is_flat = deviations([q for _, q in held])
        slope = 0.0 if is_flat else math.fsum(p * q for p, q in zip(dx, dy, strict=True)) / xx
        return (x[i] - my) - slope * (args[1][t][i] - mx)
    v = [x[j] for j in members if x[j] is not None]
    if x[i] is None:
        return None
    if kind in ("cs_mean", "cs_std"):
        m, _, squares, is_flat = deviations(v)
        if kind == "cs_mean":
            return m
        return None if len(v) < 2 else (0.0 if is_flat else math.sqrt(squares / (len(v) - 1)))
    if kind == "rank":
        return average_rank(v, x[i])
    if kind == "scale":
        total = math.fsum(abs(y) for y in v)
        return None if total == 0 else x[i] / total
    if kind == "winsorize":
        ordered = sorted(v)

        def quantile(q):
            place = q * (len(v) - 1)
            low = math.floor(place)
            high = min(low + 1, len(v) - 1)
            return ordered[low] + (place - low) * (ordered[high] - ordered[low])

        return min(max(x[i], quantile(args[1])), quantile(1 - args[1]))
    m, _, squares, is_flat = deviations(v)
    if kind == "demean":
        return x[i] - m
    return None if len(v) < 2 or is_flat else (x[i] - m) / math.sqrt(squares / (len(v) - 1))
