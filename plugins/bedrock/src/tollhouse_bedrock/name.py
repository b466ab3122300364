"""The dialect's name."""

NAME = "bedrock"
"""Tags unknown fields and opaque parts."""
