"""A budget of thinking tokens becomes the effort that covers it, where a model is known to take one."""

from __future__ import annotations

import pytest
from tollhouse import Receipt
from tollhouse.neutral import Chat
from tollhouse_openai.efforts import BUDGETS, effort_of


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5.1-codex", "openai/gpt-oss-120b", "o3-mini", "o4", "openai/o1"])
@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1, "low"), (2048, "low"), (2049, "medium"), (8192, "medium"), (8193, "high"), (99999, "high")],
)
def test_a_budget_is_the_effort_that_covers_it(model: str, budget: int, effort: str) -> None:
    receipt = Receipt()
    assert effort_of(Chat(messages=[], thinking_budget=budget), model, False, receipt) == effort
    assert receipt.lines == [f"approximated=thinking_budget:{budget} tokens as effort {effort}"]


@pytest.mark.parametrize("model", ["gpt-4o", "llama-3.3-70b", "gpt-5-chat-latest", "gpt-50", "pro3", "some/o"])
def test_a_model_that_is_not_known_to_reason_is_not_asked_to(model: str) -> None:
    receipt = Receipt()
    assert effort_of(Chat(messages=[], thinking_budget=4096), model, False, receipt) is None
    assert receipt.lines == ["dropped=thinking_budget:this API knows an effort, no budget"]


@pytest.mark.parametrize("budget", [0, -1])
def test_no_budget_and_any_budget_are_no_effort(budget: int) -> None:
    receipt = Receipt()
    assert effort_of(Chat(messages=[], thinking_budget=budget), "gpt-5", False, receipt) is None
    assert len(receipt.lines) == 1


def test_an_effort_that_is_said_stands() -> None:
    receipt = Receipt()
    assert effort_of(Chat(messages=[], thinking_budget=1, effort="xhigh"), "gpt-5", False, receipt) == "xhigh"
    assert receipt.lines == ["dropped=thinking_budget:an effort is asked for too"]
    assert effort_of(Chat(messages=[], effort="none"), "any", False, Receipt()) == "none"
    assert effort_of(Chat(messages=[]), "gpt-5", False, Receipt()) is None


def test_the_efforts_rise() -> None:
    assert list(BUDGETS.values()) == sorted(BUDGETS.values())


def test_a_word_of_another_dialect_is_the_highest_that_is_known() -> None:
    receipt = Receipt()
    assert effort_of(Chat(messages=[], effort="max"), "gpt-5", False, receipt) == "high"
    assert receipt.lines == ["approximated=effort:max as high, the highest word that is known everywhere"]
    assert effort_of(Chat(messages=[], effort="max"), "deepseek-v4", True, Receipt()) == "max"
