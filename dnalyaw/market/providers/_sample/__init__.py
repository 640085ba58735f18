"""A simulated market for the United States and Hong Kong; `docs/sample-market.md` describes it."""

from dnalyaw.market.providers._sample._effects import EFFECTS, Effect
from dnalyaw.market.providers._sample._provider import QUOTE_SESSIONS, SampleProvider

__all__ = ["EFFECTS", "QUOTE_SESSIONS", "Effect", "SampleProvider"]
