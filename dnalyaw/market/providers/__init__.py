"""Providers of market data behind one interface; `open_provider` opens one from its name."""

from dnalyaw.market.providers._base import Provider, ProviderError, is_close_only
from dnalyaw.market.providers._open import PROVIDERS, open_provider

__all__ = ["PROVIDERS", "Provider", "ProviderError", "is_close_only", "open_provider"]
