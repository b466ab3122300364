"""The README says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollhouse import ProviderError
from tollhouse_anthropic.errors import TYPES, WORDS
from tollhouse_anthropic.reasoning import BUDGETS
from tollhouse_anthropic.settings import AnthropicSettings, HostSettings

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("name", [*HostSettings.__struct_fields__, *AnthropicSettings.__struct_fields__])
def test_every_setting_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_code_of_ours_is_documented(kind: str) -> None:
    code = WORDS[kind][1]
    assert code is None or f"`{code}`" in README


@pytest.mark.parametrize("status", TYPES)
def test_every_type_of_error_is_documented(status: int) -> None:
    assert f"`{TYPES[status]}`" in README


def test_the_table_of_efforts_is_documented() -> None:
    for effort, budget in BUDGETS.items():
        assert f"| `{effort}` | {budget} |" in README
