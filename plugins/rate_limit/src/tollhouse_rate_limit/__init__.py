"""Rate limits for Tollhouse: requests, tokens and concurrency, exact over all processes, with a fair queue."""

from .plugin import RateLimit
from .settings import Limits, RateLimitSettings, Rule

__all__ = ["Limits", "RateLimit", "RateLimitSettings", "Rule"]
