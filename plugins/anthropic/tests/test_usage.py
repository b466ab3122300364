"""Usage as disjoint buckets, from every shape Anthropic reports it in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Usage
from tollhouse_anthropic.usage import UsageReader, write_usage

COUNT = st.none() | st.integers(0, 10**9)


def read(*reports: Any) -> Usage:
    reader, whole = UsageReader(), Usage()
    for report in reports:
        usage = reader.read(msgspec.json.encode(report))
        assert usage is not None
        whole = whole.merged(usage)
    return whole


@pytest.mark.parametrize(
    ("reports", "buckets"),
    [
        ([{"input_tokens": 3, "output_tokens": 4}], {"input": 3, "output": 4}),
        (
            [{"input_tokens": 3, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 4}],
            {"input": 3, "cache_read": 6, "cache_write": 5, "output": 4},
        ),
        (
            [
                {
                    "input_tokens": 3,
                    "cache_creation_input_tokens": 5,
                    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 4},
                    "output_tokens": 1,
                },
                {"cache_creation_input_tokens": 5, "output_tokens": 9},
            ],
            {"input": 3, "cache_write": 1, "cache_write_1h": 4, "output": 9},
        ),
        ([{"input_tokens": 3, "output_tokens": 1}, {"output_tokens": 9}], {"input": 3, "output": 9}),
        (
            [{"input_tokens": 3, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}],
            {"input": 3, "output": 2, "reasoning": 7},
        ),
        (
            [
                {
                    "input_tokens": 23,
                    "output_tokens": 1,
                    "iterations": [
                        {"type": "compaction", "input_tokens": 180, "output_tokens": 3},
                        {"type": "message", "input_tokens": 23, "output_tokens": 1},
                    ],
                }
            ],
            {"input": 203, "output": 4},
        ),
    ],
)
def test_what_is_reported_is_in_one_bucket_each(reports: Any, buckets: dict[str, int]) -> None:
    assert read(*reports).buckets() == buckets


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{}", b'{"input_tokens":"3"}', b'{"input_tokens":-1}', b"{"])
def test_what_cannot_be_read_is_no_usage(raw: bytes) -> None:
    assert UsageReader().read(raw) is None


@given(
    st.builds(
        Usage, input=COUNT, cache_read=COUNT, cache_write=COUNT, cache_write_1h=COUNT, output=COUNT, reasoning=COUNT
    )
)
def test_usage_written_and_read_is_the_same_sum(usage: Usage) -> None:
    again = read(write_usage(usage))
    assert (again.total_input, again.total_output) == (usage.total_input, usage.total_output)
    assert (again.cache_read, again.cache_write_1h) == (usage.cache_read, usage.cache_write_1h)


@given(
    st.dictionaries(
        st.sampled_from(list(write_usage(Usage(cache_write_1h=1, cache_read=1)))), st.integers() | st.text()
    )
)
def test_any_report_is_read_without_a_negative_number(report: Any) -> None:
    usage = UsageReader().read(msgspec.json.encode(report))
    assert usage is None or min(usage.buckets().values()) >= 0
