"""The access log: one line of JSON for every request that ended."""

from .plugin import AccessLog, AccessLogSettings

__all__ = ["AccessLog", "AccessLogSettings"]
