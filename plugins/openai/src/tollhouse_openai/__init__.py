"""OpenAI's dialect and the providers that speak it, as a Tollhouse plugin."""

from .dialect import OpenAIDialect
from .plugin import OpenAI
from .presets import PRESETS

__all__ = ["PRESETS", "OpenAI", "OpenAIDialect"]
