"""Reasoning and sampling for callers of other dialects, in the words of the model that is asked."""

from __future__ import annotations

from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Chat

from .families import Family, family, on_budget

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
"""Claude's thinking tokens for an effort, and the effort for so many tokens."""
LEAST = 1024
"""The smallest budget Claude accepts."""


def write_reasoning(chat: Chat, model: str, receipt: Receipt) -> dict[str, Any]:
    """The model's own fields for the thinking that is asked for; empty when none is, or it cannot be had."""
    if chat.effort is None and chat.thinking_budget is None:
        return {}
    if chat.effort is not None and chat.thinking_budget is not None:
        receipt.note("dropped", "effort", "a budget is asked for too")
    path, effort = _asked(chat)
    whose = family(model)
    if effort not in BUDGETS and effort != "none":
        receipt.note("dropped", path, "no such effort here")
        return {}
    if whose == "claude":
        return _claude(chat, model, path, effort, receipt)
    return _worded(whose, model, path, effort, receipt)


def _asked(chat: Chat) -> tuple[str, str]:
    """What is asked for: its name in the neutral form, and the effort it is."""
    budget = chat.thinking_budget
    if budget is None:
        return "effort", chat.effort or ""
    if budget < 0:  # as much as the model likes
        return "thinking_budget", "high"
    least = next((word for word, tokens in BUDGETS.items() if budget <= tokens), "max")
    return "thinking_budget", least if budget else "none"


def _claude(chat: Chat, model: str, path: str, effort: str, receipt: Receipt) -> dict[str, Any]:
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    if not on_budget(model):
        word = "low" if effort == "minimal" else effort
        receipt.note("approximated", path, f"asked for as effort {word} with adaptive thinking")
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": word}}
    asked = chat.thinking_budget or 0
    budget = max(asked if asked > 0 else BUDGETS[effort], LEAST)
    if chat.max_output is not None and chat.max_output <= LEAST:
        receipt.note("dropped", path, f"no room for {LEAST} tokens of thinking in maxTokens")
        return {}
    if chat.max_output is not None:
        budget = min(budget, chat.max_output - 1)
    if budget != chat.thinking_budget:
        receipt.note("approximated", path, f"asked for as a budget of {budget} tokens")
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _worded(whose: Family, model: str, path: str, effort: str, receipt: Receipt) -> dict[str, Any]:
    """Models that take one of three words."""
    fields = {"gpt-oss": "reasoning_effort", "qwen": "reasoning_config"}
    nova = whose == "nova" and "nova-2" in model
    if not nova and whose not in fields:
        receipt.note("dropped", path, "no field is known by which this model would be asked")
        return {}
    if effort == "none":
        if nova:
            return {"reasoningConfig": {"type": "disabled"}}
        receipt.note("dropped", path, "this model's reasoning cannot be switched off")
        return {}
    word = {"minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)
    if word != effort or path != "effort":
        receipt.note("approximated", path, f"asked for as effort {word}")
    if nova:
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}}
    return {fields[whose]: word}


def write_sampling(chat: Chat, model: str, more: dict[str, Any], receipt: Receipt) -> dict[str, Any]:
    """Temperature and its like as `inferenceConfig` has them; `more`, where the model's own fields are, gets the
    rest."""
    whose, thinks = family(model), more.get("thinking", {}).get("type") == "enabled"
    config: dict[str, Any] = {}
    for name, value in (("temperature", chat.temperature), ("topP", chat.top_p), ("top_k", chat.top_k)):
        path = "top_p" if name == "topP" else name
        if value is None:
            continue
        if whose == "claude" and not on_budget(model):
            receipt.note("dropped", path, "this model takes no sampling parameters")
        elif thinks and not (name == "temperature" and value == 1):
            receipt.note("dropped", path, "it cannot be set while the model thinks")
        elif whose == "claude" and name == "topP" and chat.temperature is not None:
            receipt.note("dropped", path, "it cannot be set beside a temperature")
        elif name == "top_k" and whose == "claude":
            more["top_k"] = value
        elif name == "top_k" and whose == "nova":
            more["inferenceConfig"] = {"topK": value}
        elif name == "top_k":
            receipt.note("dropped", path, "no field is known by which this model would be asked")
        elif name == "temperature" and value > 1:
            receipt.note("approximated", path, "1 is the highest")
            config[name] = 1.0
        else:
            config[name] = value
    return config
