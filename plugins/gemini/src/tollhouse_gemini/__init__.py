"""Gemini's dialect and the provider that speaks it, as a Tollhouse plugin."""

from .dialect import GeminiDialect
from .plugin import Gemini

__all__ = ["Gemini", "GeminiDialect"]
