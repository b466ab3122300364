"""Usage as Gemini reports it, as buckets that never overlap."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Usage
from tollhouse_gemini.usage import read_usage, write_usage

COUNT = st.none() | st.integers(-5, 10**6) | st.floats(0, 100) | st.booleans() | st.text(max_size=2)
DETAILS = st.none() | st.lists(
    st.fixed_dictionaries({}, optional={"modality": st.sampled_from(["TEXT", "AUDIO", 4, None]), "tokenCount": COUNT})
    | st.integers(),
    max_size=3,
)
REPORT = st.fixed_dictionaries(
    {},
    optional={
        "promptTokenCount": COUNT,
        "candidatesTokenCount": COUNT,
        "totalTokenCount": COUNT,
        "thoughtsTokenCount": COUNT,
        "toolUsePromptTokenCount": COUNT,
        "cachedContentTokenCount": COUNT,
        "promptTokensDetails": DETAILS,
        "cacheTokensDetails": DETAILS,
        "candidatesTokensDetails": DETAILS,
    },
)


def read(report: Any) -> dict[str, int] | None:
    usage = read_usage(msgspec.json.encode(report))
    return usage.buckets() if usage else None


@pytest.mark.parametrize(
    ("report", "buckets"),
    [
        ({"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}, {"input": 3, "output": 2}),
        (
            {
                "promptTokenCount": 20,
                "cachedContentTokenCount": 8,
                "candidatesTokenCount": 9,
                "thoughtsTokenCount": 5,
                "toolUsePromptTokenCount": 7,
                "totalTokenCount": 41,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 15},
                    {"modality": "AUDIO", "tokenCount": 5},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
            },
            {"input": 16, "cache_read": 8, "input_audio": 3, "output": 5, "reasoning": 5, "output_audio": 4},
        ),
        (
            {"promptTokenCount": 87, "thoughtsTokenCount": 78, "totalTokenCount": 165},
            {"input": 87, "output": 0, "reasoning": 78},
        ),
        ({"promptTokenCount": 7, "totalTokenCount": 7}, {"input": 7, "output": 0}),
        ({"promptTokenCount": 2}, {"input": 2}),
        ({"candidatesTokenCount": 2}, {"output": 2}),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"totalTokenCount": 7}, None),
        ({}, None),
        ([], None),
        ("x", None),
    ],
)
def test_a_report_becomes_buckets(report: Any, buckets: dict[str, int] | None) -> None:
    assert read(report) == buckets


@given(REPORT)
def test_buckets_are_never_negative_and_add_up(report: dict[str, Any]) -> None:
    usage = read_usage(msgspec.json.encode(report))
    if usage is None:
        return
    assert all(isinstance(n, int) and n >= 0 for n in usage.buckets().values())
    prompt, tools = report.get("promptTokenCount"), report.get("toolUsePromptTokenCount")
    if type(prompt) is int and prompt >= 0 and tools is None:
        assert usage.total_input == prompt
    assert bytes(usage.raw) == msgspec.json.encode(report)


@given(
    st.builds(
        Usage,
        input=st.integers(0, 99),
        cache_read=st.none() | st.integers(0, 99),
        input_audio=st.none() | st.integers(0, 99),
        output=st.integers(0, 99),
        reasoning=st.none() | st.integers(0, 99),
        output_audio=st.none() | st.integers(0, 99),
    )
)
def test_buckets_written_read_back(usage: Usage) -> None:
    assert read(write_usage(usage)) == usage.buckets()
