"""Asking again: exponential backoff with jitter, or as long as the server says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from dnalyaw.market.providers._http_rules import Counters, HttpError, Passing

__all__ = ["again"]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

_BACKOFF_S, _BACKOFF_CAP_S = 0.5, 60.0


def again(
    ask: Callable[[], _T],
    *,
    tries: int,
    sleep: Callable[[float], None],
    counters: Counters,
    got: Callable[[], int] = lambda: 0,
) -> _T:
    """Call `ask` until it works or the tries are used up.

    Parameters
    ----------
    ask : callable
        Raises `Passing` where asking again may help.
    tries : int
    sleep : callable
        Waits seconds.
    counters : Counters
    got : callable
        How much has come so far; tries count from the last one that brought more.

    Raises
    ------
    HttpError
        The last fault, with how often it was asked for.
    """
    import tenacity

    backoff = tenacity.wait_exponential_jitter(initial=_BACKOFF_S, max=_BACKOFF_CAP_S, jitter=_BACKOFF_S)
    seen, since = got(), 0

    def used_up(state: tenacity.RetryCallState) -> bool:
        nonlocal seen, since
        if got() > seen:
            seen, since = got(), state.attempt_number
        return state.attempt_number - since >= tries

    def pause(state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.wait_s if isinstance(fault, Passing) else None
        return float(backoff(state)) if asked is None else asked

    def tell(state: tenacity.RetryCallState) -> None:
        counters.add(retries=1)
        fault = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        _LOG.warning("%s (asking again in %.1f s, try %d)", fault, wait, state.attempt_number + 1)

    retrying = tenacity.Retrying(
        stop=used_up,
        wait=pause,
        sleep=sleep,
        retry=tenacity.retry_if_exception_type(Passing),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(ask)
    except HttpError as error:
        counters.add(failures=1)
        if isinstance(error, Passing) and tries > 1:
            raise HttpError(f"{error} (asked {tries} times)", error.status) from None
        raise
