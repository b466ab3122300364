"""The README and the packaging say what the code does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tollhouse import ProviderError
from tollhouse_openai import PRESETS
from tollhouse_openai.errors import WORDS
from tollhouse_openai.settings import AzureSettings, HostSettings

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text()


@pytest.mark.parametrize("kind", PRESETS)
def test_every_kind_is_in_the_table_and_among_the_entry_points(kind: str) -> None:
    preset = PRESETS[kind]
    [row] = [line for line in README.splitlines() if line.startswith(f"| `{kind}` |")]
    assert preset.base_url in row
    assert f"`{preset.variable}`" in row
    assert ("(optional)" in row) == (not preset.key)
    said = ["yes" if flag else "no" for flag in (preset.responses, preset.completions, preset.ask_usage)]
    assert row.endswith(f"| {' | '.join(said)} |")
    points = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points["tollhouse.providers"][kind] == "tollhouse_openai:OpenAI"
    assert set(points["tollhouse.providers"]) == set(PRESETS)


@pytest.mark.parametrize("name", {*HostSettings.__struct_fields__, *AzureSettings.__struct_fields__})
def test_every_setting_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("kind", ProviderError.KINDS)
def test_every_code_of_ours_is_documented(kind: str) -> None:
    code = WORDS[kind][1]
    assert code is None or f"`{code}`" in README
