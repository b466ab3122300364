"""The dialect's name."""

NAME = "openai"
"""Tags unknown fields and opaque parts."""
