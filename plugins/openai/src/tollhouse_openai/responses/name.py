"""The dialect's name."""

NAME = "openai_responses"
"""Tags unknown fields and opaque items."""
