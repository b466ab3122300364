"""OpenAI's dialect and the providers that speak it, as a Tollhouse plugin."""

from .completions.dialect import CompletionsDialect
from .dialect import OpenAIDialect
from .plugin import OpenAI
from .presets import PRESETS
from .responses.dialect import ResponsesDialect

__all__ = ["PRESETS", "CompletionsDialect", "OpenAI", "OpenAIDialect", "ResponsesDialect"]
