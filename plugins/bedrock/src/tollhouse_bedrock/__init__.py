"""Amazon Bedrock's dialect and the provider that speaks it, as a Tollhouse plugin."""

from .dialect import BedrockDialect
from .plugin import Bedrock

__all__ = ["Bedrock", "BedrockDialect"]
