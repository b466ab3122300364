"""Lists of allowed model names."""

from __future__ import annotations

import pytest
from tollhouse.config import allows


@pytest.mark.parametrize(
    ("patterns", "name", "allowed"),
    [
        (None, "anything", True),
        ((), "anything", False),
        (("fast", "smart"), "smart", True),
        (("fast",), "faster", False),
        (("fast*",), "faster", True),
        (("openai/*",), "openai/gpt-4.1", True),
        (("openai/*",), "azure/gpt-4.1", False),
        (("*/gpt-4.1",), "azure/gpt-4x1", False),
        (("a*b*c",), "a--b--c", True),
        (("[a]?",), "ab", False),
        (("*",), "", True),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_is_special(
    patterns: tuple[str, ...] | None, name: str, allowed: bool
) -> None:
    assert allows(patterns, name) is allowed
