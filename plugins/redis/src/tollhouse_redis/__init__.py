"""The Redis store of Tollhouse: one truth for gateways on many machines."""

from .store import RedisStore, open_redis

__all__ = ["RedisStore", "open_redis"]
