"""Tests of the cost analysis."""
