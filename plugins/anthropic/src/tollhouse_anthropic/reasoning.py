"""Reasoning and sampling: what other dialects ask for, in the words of the model that is asked.

Sources: https://platform.claude.com/docs/en/build-with-claude/effort, .../adaptive-thinking, .../extended-thinking
and https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

import re
from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Chat

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
"""Thinking tokens for an effort, and the effort for so many tokens."""
LEAST_BUDGET = 1024
"""What Anthropic accepts."""

_ON_BUDGET = re.compile(
    r"claude-(?:instant|[23](?!\d)|v[12]|(?:opus|sonnet|haiku)-4(?:[-.][0-6](?!\d)|[-@]20\d{6}|-latest|\Z|[:@]))"
)


def budgeted(model: str) -> bool:
    """Whether a model thinks on a budget and takes sampling parameters: every Claude up to 4.6, and the models of
    other makers. Later ones think adaptively, by effort, and refuse both."""
    return "claude" not in model or _ON_BUDGET.search(model) is not None


def write_reasoning(body: dict[str, Any], chat: Chat, model: str, spare: int, receipt: Receipt) -> None:
    """Thinking for a caller of another dialect. `body` has its `max_tokens` already, of which thinking takes a
    part; when the caller named none it grows by the budget, so that `spare` tokens are left."""
    if chat.effort is None and chat.thinking_budget is None:
        return
    if chat.effort is not None and chat.thinking_budget is not None:
        receipt.note("dropped", "effort", "a budget is asked for too")
    path, effort, budget = _asked(chat)
    if effort is None:
        receipt.note("dropped", path, "no such effort here")
    elif effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif not budgeted(model):
        word = "low" if effort == "minimal" else effort
        receipt.note("approximated", path, f"asked for as effort {word} with adaptive thinking")
        body["thinking"] = {"type": "adaptive"}
        body.setdefault("output_config", {})["effort"] = word
    else:
        _write_budget(body, chat, path, budget, spare, receipt)


def _asked(chat: Chat) -> tuple[str, str | None, int]:
    """What is asked for: its name in the neutral form, an effort, and a budget."""
    budget = chat.thinking_budget
    if budget is None:
        effort = chat.effort or ""
        known = effort == "none" or effort in BUDGETS
        return "effort", effort if known else None, BUDGETS.get(effort, 0)
    if budget < 0:  # as much as the model likes
        return "thinking_budget", "high", BUDGETS["high"]
    least = next((word for word, tokens in BUDGETS.items() if budget <= tokens), "max")
    return "thinking_budget", least if budget else "none", budget


def _write_budget(body: dict[str, Any], chat: Chat, path: str, asked: int, spare: int, receipt: Receipt) -> None:
    budget = max(asked, LEAST_BUDGET)
    if chat.max_output is None:
        body["max_tokens"] = budget + spare
    elif chat.max_output <= LEAST_BUDGET:
        receipt.note("dropped", path, f"no room for {LEAST_BUDGET} tokens of thinking in max_tokens")
        return
    else:
        budget = min(budget, chat.max_output - 1)
    if budget != chat.thinking_budget:
        receipt.note("approximated", path, f"asked for as a budget of {budget} tokens")
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def write_sampling(body: dict[str, Any], chat: Chat, model: str, receipt: Receipt) -> None:
    """Temperature and its like for a caller of another dialect, as far as the model takes them."""
    asked = {"temperature": chat.temperature, "top_p": chat.top_p, "top_k": chat.top_k}
    thinks = body.get("thinking", {}).get("type") == "enabled"
    for name, value in asked.items():
        if value is None:
            continue
        if not budgeted(model):
            receipt.note("dropped", name, "this model takes no sampling parameters")
        elif thinks and not (name == "temperature" and value == 1):
            receipt.note("dropped", name, "it cannot be set while the model thinks")
        elif name == "top_p" and chat.temperature is not None:
            receipt.note("dropped", name, "it cannot be set beside a temperature")
        elif name == "temperature" and value > 1:
            receipt.note("approximated", name, "1 is the highest")
            body[name] = 1.0
        else:
            body[name] = value
