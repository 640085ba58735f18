"""The Dagster code location and the `dnalyaw` command. Assets are thin: they call the library."""
