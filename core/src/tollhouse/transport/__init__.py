"""The way upstream: one small interface that every HTTP provider calls, and that several clients implement."""

from .interface import Call, Response, Transport
from .opening import open_transport

__all__ = ["Call", "Response", "Transport", "open_transport"]
