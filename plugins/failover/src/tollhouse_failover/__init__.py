"""Failover for Tollhouse: what happens after an upstream failed, and which upstreams are left alone for a while."""

from .plugin import Failover
from .settings import BreakerSettings, FailoverLevel, FailoverSettings

__all__ = ["BreakerSettings", "Failover", "FailoverLevel", "FailoverSettings"]
