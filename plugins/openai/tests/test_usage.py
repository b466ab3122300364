"""Usage in the hosts' spellings, as buckets that never overlap."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Usage
from tollhouse_openai.usage import read_usage, write_usage

COUNT = st.none() | st.integers(-5, 10**6) | st.floats(0, 100) | st.booleans() | st.text(max_size=2)
DETAILS = st.none() | st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens", "cache_write_tokens"]), COUNT
)
REPORT = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "total_tokens": COUNT,
        "cached_tokens": COUNT,
        "prompt_tokens_details": DETAILS,
        "completion_tokens_details": DETAILS,
    },
)


def read(report: Any) -> dict[str, int] | None:
    usage = read_usage(msgspec.json.encode(report))
    return usage.buckets() if usage else None


@pytest.mark.parametrize(
    ("report", "buckets"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, {"input": 3, "output": 2}),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 1},
            },
            {"input": 5, "cache_read": 4, "input_audio": 1, "output": 3, "reasoning": 5, "output_audio": 1},
        ),
        (  # xAI counts reasoning beside the completion
            {
                "prompt_tokens": 307,
                "completion_tokens": 26,
                "total_tokens": 588,
                "completion_tokens_details": {"reasoning_tokens": 255},
            },
            {"input": 307, "output": 26, "reasoning": 255},
        ),
        (  # seen at OpenRouter: more reasoning than completion
            {
                "prompt_tokens": 43,
                "completion_tokens": 10,
                "total_tokens": 53,
                "completion_tokens_details": {"reasoning_tokens": 11},
            },
            {"input": 43, "output": 0, "reasoning": 10},
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4},
            {"input": 5, "cache_read": 4, "output": 1},
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 4}, {"input": 5, "cache_read": 4, "output": 1}),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 4}},
            {"input": 5, "cache_write": 4, "output": 1},
        ),
        ({"total_tokens": 7}, {"input": 7}),
        ({"prompt_tokens": 7, "total_tokens": 7}, {"input": 7}),
        ({"prompt_tokens": 2, "completion_tokens": 0, "prompt_tokens_details": None}, {"input": 2, "output": 0}),
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
    prompt = report.get("prompt_tokens")
    if isinstance(prompt, int) and not isinstance(prompt, bool) and prompt >= 0:
        assert usage.total_input == prompt
    assert bytes(usage.raw) == msgspec.json.encode(report)


@given(
    st.builds(
        Usage,
        input=st.integers(0, 99),
        cache_read=st.none() | st.integers(0, 99),
        cache_write=st.none() | st.integers(0, 99),
        input_audio=st.none() | st.integers(0, 99),
        output=st.integers(0, 99),
        reasoning=st.none() | st.integers(0, 99),
        output_audio=st.none() | st.integers(0, 99),
    )
)
def test_buckets_written_read_back(usage: Usage) -> None:
    assert read(write_usage(usage)) == usage.buckets()
