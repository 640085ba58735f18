"""Measurements of the platform, one module a bench."""


class BenchError(Exception):
    """A measurement could not be taken; the message says why."""
