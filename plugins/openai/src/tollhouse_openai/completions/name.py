"""The dialect's name."""

NAME = "openai_completions"
"""Tags unknown fields."""
