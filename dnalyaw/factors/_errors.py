"""What can be wrong with a factor, each fault at its character."""

from __future__ import annotations

_WINDOW = 96
"""Characters of a long text shown around the fault."""


class FactorError(ValueError):
    """Base of every error of the factor room."""


class _TextError(FactorError):
    """An error that stands at one character of a factor's text.

    Attributes
    ----------
    message : str
        What is wrong and what to do, in one line.
    position : int
        Offset of the character, 0 is the first.
    text : str
        The whole text.
    """

    def __init__(self, message: str, position: int, text: str) -> None:
        self.message = message
        self.position = position
        self.text = text
        super().__init__(self._render())

    def _render(self) -> str:
        if not self.text:
            return self.message
        start = max(0, min(self.position - _WINDOW // 2, len(self.text) - _WINDOW))
        shown = self.text[start : start + _WINDOW]
        # A control character would move the caret away from what it points at.
        shown = "".join(c if c.isprintable() else " " for c in shown)
        return (
            f"{self.message} (character {self.position + 1})\n  {shown}\n  {' ' * (self.position - start)}^"
        )


class FactorSyntaxError(_TextError):
    """The text is not in the factor language."""


class FactorTypeError(_TextError):
    """The text parses, but a name, a unit, a window or an argument does not fit."""


class FactorDataError(FactorError):
    """The panel does not hold what the factor needs, or holds it in the wrong form."""


class FactorLibraryError(FactorError):
    """A factor library's file is wrong: the message names the file, the factor and the fault."""
