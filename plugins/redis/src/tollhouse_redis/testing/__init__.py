"""What a test of anything that uses Redis needs: a server of its own."""

from .server import RedisServer, redis_server

__all__ = ["RedisServer", "redis_server"]
