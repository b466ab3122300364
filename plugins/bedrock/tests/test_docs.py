"""The README and the packaging say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tollhouse import ProviderError
from tollhouse.neutral import Chat
from tollhouse_bedrock.errors import SPENT, TYPES, WORDS
from tollhouse_bedrock.reasoning import BUDGETS
from tollhouse_bedrock.reasons import _READ
from tollhouse_bedrock.settings import BedrockSettings

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text()


def test_the_plugin_and_its_provider_are_entry_points() -> None:
    points = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points == {
        "tollhouse.plugins": {"bedrock": "tollhouse_bedrock:Bedrock"},
        "tollhouse.providers": {"bedrock": "tollhouse_bedrock:Bedrock"},
    }


@pytest.mark.parametrize("name", BedrockSettings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("field", [f for f in Chat.__struct_fields__ if f not in ("messages", "path", "extra")])
def test_every_field_of_a_chat_is_in_the_table(field: str) -> None:
    assert f"\n| `{field}` |" in README


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_code_of_ours_is_documented(kind: str) -> None:
    code = WORDS[kind][1]
    assert code is None or f"`{code}`" in README


def test_exceptions_reasons_and_budgets_are_documented() -> None:
    assert all(f"`{type_}`" in README for type_ in (*TYPES.values(), SPENT))
    assert all(f"`{word}`" in README for word in _READ)
    assert all(re.search(rf"\| `{word}` \| {budget} \|", README) for word, budget in BUDGETS.items())


def test_botocore_is_not_imported_with_the_plugin() -> None:
    code = "import sys, tollhouse_bedrock; sys.exit(any(name.partition('.')[0] == 'botocore' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
