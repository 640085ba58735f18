"""The `dnalyaw` command."""

from dnalyaw_pipelines.cli._main import main

__all__ = ["main"]
