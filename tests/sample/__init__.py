"""Tests of the simulated market and of faults on demand."""
