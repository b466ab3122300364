"""Reasoning effort and budgets: Gemini 3 knows levels, Gemini 2.5 budgets, older models neither.

Source: https://ai.google.dev/gemini-api/docs/thinking, and for the budgets of the words
https://ai.google.dev/gemini-api/docs/openai
"""

from __future__ import annotations

import re
from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Chat

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens for a word, at models that know budgets."""
LEVELS = ("minimal", "low", "medium", "high")
"""The words Gemini 3 knows."""
LEAST, MOST = 128, 32768
"""The bounds of a budget at Pro models, which cannot do without thinking; others take from 0 to that of `high`."""

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


def version(model: str) -> tuple[int, int] | None:
    """A Gemini model's version; None for a name that does not tell. `gemini-flash-latest` and its like are new ones."""
    if match := _VERSION.search(model):
        return int(match[1]), int(match[2] or 0)
    return (3, 0) if "gemini-" in model and model.endswith("-latest") else None


def modern(model: str) -> bool:
    """Whether the model is of the third generation or later: levels, signatures that are checked, media in results."""
    known = version(model)
    return known is not None and known >= (3, 0)


def thinking_config(chat: Chat, model: str, own: bool, receipt: Receipt) -> dict[str, Any]:
    """The `thinkingConfig` for what a chat asks; empty when it asks nothing. Other dialects' callers who ask for
    thinking are shown it."""
    if chat.effort is None and chat.thinking_budget is None:
        return {}
    if own:
        level = {"thinkingLevel": chat.effort} if chat.effort is not None else {}
        budget = {"thinkingBudget": chat.thinking_budget} if chat.thinking_budget is not None else {}
        return {**level, **budget}
    known = version(model)
    if known is not None and known < (2, 5):
        for field, said in (("effort", chat.effort), ("thinking_budget", chat.thinking_budget)):
            if said is not None:
                receipt.note("dropped", field, f"{model} does not think")
        return {}
    if chat.thinking_budget is not None:
        if chat.effort is not None:
            receipt.note("dropped", "effort", "the thinking budget says more")
        tokens = _within(chat.thinking_budget, model)
        if tokens != chat.thinking_budget:
            receipt.note("approximated", "thinking_budget", f"{tokens} tokens, the nearest {model} takes")
        return _shown({"thinkingBudget": tokens}, chat.thinking_budget != 0)
    assert chat.effort is not None
    if modern(model):
        return _level(chat.effort, receipt)
    return _budget(chat.effort, model, receipt)


def _within(budget: int, model: str) -> int:
    """The nearest budget a model takes; as much as it likes stays so."""
    if budget < 0:
        return -1
    pro = "pro" in model
    return max(LEAST if pro else 0, min(budget, MOST if pro else BUDGETS["high"]))


def _level(effort: str, receipt: Receipt) -> dict[str, Any]:
    if effort in LEVELS:
        return _shown({"thinkingLevel": effort})
    nearest = "minimal" if effort == "none" else "high"
    receipt.note("approximated", "effort", f"{effort[:40]} as {nearest}, the nearest level")
    return _shown({"thinkingLevel": nearest}, effort != "none")


def _budget(effort: str, model: str, receipt: Receipt) -> dict[str, Any]:
    budget = BUDGETS.get(effort, BUDGETS["high"])
    if effort == "none" and "pro" in model:
        budget = LEAST
    if budget or effort not in BUDGETS:
        receipt.note("approximated", "effort", f"{effort[:40]} as a budget of {budget} tokens")
    return _shown({"thinkingBudget": budget}, effort != "none")


def _shown(config: dict[str, Any], shown: bool = True) -> dict[str, Any]:
    return {**config, "includeThoughts": True} if shown else config
