"""Anthropic's dialect and the provider that speaks it, as a Tollhouse plugin."""

from .dialect import AnthropicDialect
from .plugin import Anthropic

__all__ = ["Anthropic", "AnthropicDialect"]
