"""Dnalyaw: the research library. It imports no Dagster and never reaches a venue."""
