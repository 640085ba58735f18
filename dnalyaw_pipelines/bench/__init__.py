"""Measurements of the platform, one module a bench."""
