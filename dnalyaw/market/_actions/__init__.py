"""Corporate actions applied point in time: ex-prices, adjusted series, returns, and how an instrument ends."""

from dnalyaw.market._actions._account import AccountActions, account_actions
from dnalyaw.market._actions._adjust import adjust_bars, back_adjust_bars
from dnalyaw.market._actions._effects import action_effects
from dnalyaw.market._actions._ends import end_payments, payments
from dnalyaw.market._actions._errors import AdjustError
from dnalyaw.market._actions._formula import ex_reference
from dnalyaw.market._actions._returns import total_return_index, total_returns

__all__ = [
    "AccountActions",
    "AdjustError",
    "account_actions",
    "action_effects",
    "adjust_bars",
    "back_adjust_bars",
    "end_payments",
    "ex_reference",
    "payments",
    "total_return_index",
    "total_returns",
]
