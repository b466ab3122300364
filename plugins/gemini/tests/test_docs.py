"""The README and the packaging say what the code does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tollhouse import ProviderError
from tollhouse.neutral import Chat
from tollhouse_gemini import GeminiDialect
from tollhouse_gemini.errors import CODES, WORDS
from tollhouse_gemini.settings import GeminiSettings
from tollhouse_gemini.thinking import BUDGETS

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text()


def test_the_plugin_and_its_provider_are_entry_points() -> None:
    points = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points == {
        "tollhouse.plugins": {"gemini": "tollhouse_gemini:Gemini"},
        "tollhouse.providers": {"gemini": "tollhouse_gemini:Gemini"},
    }


@pytest.mark.parametrize("name", GeminiSettings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("method", {r.path.rpartition(":")[2] for r in GeminiDialect.routes if ":" in r.path})
def test_every_method_is_documented(method: str) -> None:
    assert f"`{method}`" in README


@pytest.mark.parametrize("field", [f for f in Chat.__struct_fields__ if f not in ("messages", "path", "extra")])
def test_every_field_of_a_chat_is_in_the_table(field: str) -> None:
    assert f"\n| `{field}` |" in README


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_code_of_ours_is_documented(kind: str) -> None:
    assert kind not in CODES or f"`{CODES[kind]}`" in README


def test_words_and_budgets_are_documented() -> None:
    assert all(f"`{word}`" in README for word in WORDS.values())
    assert all(f"{budget}" in README for budget in BUDGETS.values())
