"""The dialect's name."""

NAME = "anthropic"
"""Tags unknown fields and opaque parts."""
