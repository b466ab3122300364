"""The journey of an exchange: from its first hook to its one outcome."""

from .patience import Deadlines
from .run import Journey
from .sink import Collected, Sink

__all__ = ["Collected", "Deadlines", "Journey", "Sink"]
