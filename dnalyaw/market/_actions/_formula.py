"""The ex-price: what a share is worth once what it carried has gone its own way."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from dnalyaw.market._actions._errors import AdjustError

__all__ = ["ex_reference"]


def ex_reference(
    previous_close: float,
    *,
    cash: float = 0.0,
    bonus: float = 0.0,
    rights: float = 0.0,
    rights_price: float = 0.0,
    spun_off: float = 0.0,
    split: float = 1.0,
    tick: float | None = None,
) -> float:
    """Compute the reference price of an ex-date from the close before it, for all that happens on that day.

    ``(close - cash - spun_off + rights_price * rights) / ((1 + bonus + rights) * split)``: the formula of the
    exchanges in Shanghai and Shenzhen for bonus and transfer shares, rights and cash of one day ([1]_, "ex-right
    and ex-dividend reference price"); with rights alone the theoretical ex-rights price ([2]_), with cash alone
    the close less the dividend.

    Computed in exact decimals of the arguments as they are written, then rounded to `tick` where one is given.

    Parameters
    ----------
    previous_close : float
        Last close before the ex-date, currency per old share.
    cash, spun_off : float
        Cash, and the value of what is spun off, per old share.
    bonus, rights : float
        Bonus and transfer shares given, and new shares offered, per old share (0.3 = 3 for 10).
    rights_price : float
        What one new share of the offer costs.
    split : float
        New shares per old share; applied last, so that all else is per share before the split.
    tick : float, optional
        The exchange's price step: the result is rounded to it, halves up, as SSE and SZSE do (0.01 CNY).

    Returns
    -------
    float
        Currency per share.

    Raises
    ------
    AdjustError
        If an argument is negative, a ratio of shares is 0, or nothing is left of the price.

    References
    ----------
    .. [1] Shanghai Stock Exchange, Trading Rules, chapter "Ex-right and ex-dividend"; Shenzhen Stock Exchange,
       Trading Rules, the section of the same name.
    .. [2] S&P Dow Jones Indices, Index Mathematics Methodology, "Rights offering".

    Examples
    --------
    Per 10 shares 3 bonus shares, 2.00 in cash and 2 rights at 5.00, after a close of 12.00:

    >>> ex_reference(12.0, cash=0.2, bonus=0.3, rights=0.2, rights_price=5.0, tick=0.01)
    8.53
    """
    given = {
        "previous_close": previous_close,
        "cash": cash,
        "bonus": bonus,
        "rights": rights,
        "rights_price": rights_price,
        "spun_off": spun_off,
        "split": split,
    }
    for name, value in given.items():
        if not 0 <= value < float("inf") or (value == 0 and name in ("previous_close", "split")):
            raise AdjustError(f"ex-price: {name} is {value}; give a number that is not below 0")
    exact = {name: Fraction(str(value)) for name, value in given.items()}
    left = exact["previous_close"] - exact["cash"] - exact["spun_off"]
    if left <= 0:
        raise AdjustError(
            f"ex-price: {cash + spun_off} goes off a close of {previous_close}; nothing would be left"
        )
    price = (left + exact["rights_price"] * exact["rights"]) / (
        (1 + exact["bonus"] + exact["rights"]) * exact["split"]
    )
    if tick is None:
        return float(price)
    step = Fraction(str(tick))
    if step <= 0:
        raise AdjustError(f"ex-price: tick is {tick}; give the exchange's price step")
    return float(floor(price / step + Fraction(1, 2)) * step)
