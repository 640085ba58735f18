"""Errors of the models room."""

from __future__ import annotations


class ModelError(ValueError):
    """Input or settings that a model cannot be trained on."""


class LeakageError(ModelError):
    """Training data that knows something of what it is tested on."""
