"""Routing for Tollhouse: which of a model's targets a request goes to first, and why."""

from .plugin import Router
from .settings import RouterLevel, RouterSettings

__all__ = ["Router", "RouterLevel", "RouterSettings"]
