"""The HTTP front: one plain ASGI callable between a server and the journey."""

from .app import Front

__all__ = ["Front"]
