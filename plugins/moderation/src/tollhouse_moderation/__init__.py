"""Moderation: checks on what goes up and what comes down, by rules of every level."""

from .contract import Check, Finding, Judge, Subject
from .plugin import Moderation
from .settings import Rule

__all__ = ["Check", "Finding", "Judge", "Moderation", "Rule", "Subject"]
