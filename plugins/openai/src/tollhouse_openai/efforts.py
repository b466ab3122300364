"""A budget of thinking tokens as an effort, for models that are known to take one.

Source: `reasoning_effort` and `reasoning.effort` of https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import re

from tollhouse import Receipt
from tollhouse.neutral import Chat

BUDGETS = {"low": 2048, "medium": 8192, "high": 16384}
"""An effort stands for budgets up to so many tokens, the highest for all beyond."""

_REASONS = re.compile(r"(?:\A|/)(?:o\d|gpt-(?:[5-9]|oss)|codex)(?!\d)(?!.*\bchat\b)")
"""Models that reason by effort; others refuse a request that names one."""


def effort_of(chat: Chat, model: str, own: bool, receipt: Receipt) -> str | None:
    """The effort to ask `model` for, and a line for what is lost by it. `own` says that the caller speaks one of these
    dialects, whose words stand."""
    budget = chat.thinking_budget
    if budget is None or chat.effort is not None:
        if budget is not None:
            receipt.note("dropped", "thinking_budget", "an effort is asked for too")
        if chat.effort == "max" and not own:
            receipt.note("approximated", "effort", "max as high, the highest word that is known everywhere")
            return "high"
        return chat.effort
    if budget <= 0 or not _REASONS.search(model):
        receipt.note("dropped", "thinking_budget", "this API knows an effort, no budget")
        return None
    effort = next((word for word, tokens in BUDGETS.items() if budget <= tokens), "high")
    receipt.note("approximated", "thinking_budget", f"{budget} tokens as effort {effort}")
    return effort
