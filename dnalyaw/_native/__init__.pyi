"""The compiled parts of Dnalyaw. This folder holds their types; the module itself is built from `python_native`."""

from dnalyaw._native import risk as risk
