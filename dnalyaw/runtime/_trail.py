"""The audit trail's server while a runtime starts, and after it has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from dnalyaw.runtime._layout import Layout, RuntimeStartError


class Awaited(Protocol):
    """The server, when it is there: the file with its DSN, and the descriptors that hold it."""

    def __call__(self) -> tuple[Path, tuple[int, ...]]: ...


@contextmanager
def trail_server(layout: Layout) -> Iterator[Awaited]:
    """Start the server, or find it, beside whatever the caller does; it is held until the caller is through.

    Calling what is yielded waits for it; RuntimeStartError says what is wrong and what to do.
    """
    # The audit trail asks this package where programs are.
    from dnalyaw.audit import AuditError, serving

    home = layout.home
    if home is None:
        raise RuntimeStartError(
            f"{layout.root} is not HOME/runtime/REGION: the audit trail belongs to a data home; name one (--home)"
        )
    with ExitStack() as held, ThreadPoolExecutor(1) as pool:
        starting = pool.submit(held.enter_context, serving(home))

        def awaited() -> tuple[Path, tuple[int, ...]]:
            try:
                return starting.result()
            except AuditError as error:
                raise RuntimeStartError(
                    f"the audit trail has no database, and {layout.region} opens nothing without one: {error}"
                ) from error

        yield awaited
        awaited()


def release_server(layout: Layout) -> bool:
    """Stop the home's own server unless another region, or somebody who looks, uses it; whether it was stopped."""
    from dnalyaw.audit import AuditError, release

    if layout.home is None:
        return False
    try:
        return release(layout.home)
    except (AuditError, OSError) as error:
        raise RuntimeStartError(f"the audit trail's database was not stopped: {error}") from error
