"""Usage read as buckets that never overlap, and written back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Usage
from tollhouse_bedrock.usage import read_usage, write_usage

COUNTS = st.none() | st.integers(0, 10**9)


def read(said: Any) -> Usage | None:
    return read_usage(json.dumps(said).encode())


def test_buckets_are_disjoint_and_sum_to_the_total() -> None:
    said = {
        "inputTokens": 10,
        "outputTokens": 4,
        "cacheReadInputTokens": 5,
        "cacheWriteInputTokens": 7,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 3}, {"ttl": "5m", "inputTokens": 4}],
        "totalTokens": 26,
    }
    usage = read(said)
    assert usage is not None
    assert usage.buckets() == {"input": 10, "cache_read": 5, "cache_write": 4, "cache_write_1h": 3, "output": 4}
    assert usage.total == said["totalTokens"]
    assert json.loads(bytes(usage.raw)) == said


@pytest.mark.parametrize(
    "said", [[], None, "x", {}, {"inputTokens": -1}, {"inputTokens": True}, {"inputTokens": "3"}, {"cacheDetails": 1}]
)
def test_what_counts_nothing_is_none(said: Any) -> None:
    assert read(said) is None


def test_details_beyond_the_sum_are_cut_to_it() -> None:
    usage = read({"cacheWriteInputTokens": 2, "cacheDetails": [{"ttl": "1h", "inputTokens": 9}]})
    assert usage is not None
    assert (usage.cache_write, usage.cache_write_1h) == (0, 2)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_what_is_written_reads_the_same(
    input_: int | None, read_: int | None, short: int | None, hour: int | None, output: int | None
) -> None:
    usage = Usage(input=input_, cache_read=read_, cache_write=short, cache_write_1h=hour or None, output=output)
    said = write_usage(usage)
    again = read(said)
    assert again is not None
    assert said["totalTokens"] == usage.total == again.total
    assert (again.cache_read, again.cache_write_1h) == (usage.cache_read, usage.cache_write_1h)
    assert (again.input, again.output) == (usage.input or 0, usage.output or 0)


@given(st.dictionaries(st.text(max_size=20), st.integers() | st.text() | st.lists(st.integers())))
def test_no_usage_breaks_the_reader(said: dict[str, Any]) -> None:
    usage = read(said)
    assert usage is None or all(count >= 0 for count in usage.buckets().values())


def test_nothing_is_written_as_zeros() -> None:
    assert write_usage(None) == {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
