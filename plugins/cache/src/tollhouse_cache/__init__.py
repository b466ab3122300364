"""An exact cache: one entry for a question in every dialect, and one call for many who ask it at once."""

from .plugin import Cache

__all__ = ["Cache"]
