"""The admin API: state, live events, requests, targets, spend, configuration, and the few commands of operators."""

from .events import RequestProgress
from .plugin import Admin
from .settings import AdminSettings

__all__ = ["Admin", "AdminSettings", "RequestProgress"]
