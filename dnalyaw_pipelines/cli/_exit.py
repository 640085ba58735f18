"""Exit statuses, the same for every command."""

OK = 0
FAILED = 1
USAGE = 2
"""An unknown option, fault, provider or name."""
BLOCKED = 3
"""A data-quality check blocked a feed; nothing downstream of it ran."""
REFUSED = 4
"""The runtime refused the hand-off, or trading stopped."""


class CommandError(Exception):
    """Ends a command with one line on stderr.

    Parameters
    ----------
    message : str
        What is wrong, where, and what to do.
    status : int
        The exit status.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status
