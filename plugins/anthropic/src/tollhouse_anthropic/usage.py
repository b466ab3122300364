"""Usage as Anthropic reports it, as disjoint buckets, and back.

Source: https://platform.claude.com/docs/en/api/messages (`usage`), and for `iterations`
https://platform.claude.com/docs/en/build-with-claude/compaction-threshold
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Usage

_object = msgspec.json.Decoder(dict[str, Any])


class UsageReader:
    """Reads the reports of one reply. The first one splits what was written to the cache by its life time; later
    ones, which are cumulative, name only the sum."""

    __slots__ = ("_hour",)

    def __init__(self) -> None:
        self._hour: int | None = None

    def read(self, raw: Raw | bytes) -> Usage | None:
        """The buckets of a usage object; None when it says nothing readable. Never raises, never negative.

        `input_tokens` is fresh input only. `output_tokens` contains the thinking, which is taken out when its
        share is told. A summary written to compact the context is billed, but only told among `iterations`.
        """
        try:
            said = _object.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None
        counts, self._hour = _counts(said, self._hour)
        for one in said.get("iterations") or ():
            if isinstance(one, dict) and one.get("type") == "compaction":
                for bucket, count in _counts(one, None)[0].items():
                    counts[bucket] = counts.get(bucket, 0) + count
        return Usage(**counts, raw=Raw(bytes(raw))) if counts else None  # type: ignore[arg-type]  # buckets are ints


def _counts(said: dict[str, Any], hour: int | None) -> tuple[dict[str, int], int | None]:
    """The buckets, and what is known to live an hour in the cache; `hour` is what was known before."""
    split = said.get("cache_creation")
    written, short = _number(said, "cache_creation_input_tokens"), _number(split, "ephemeral_5m_input_tokens")
    if isinstance(split, dict):
        hour = _number(split, "ephemeral_1h_input_tokens")
    if written is not None:
        hour = None if hour is None else min(hour, written)
        short = written - (hour or 0)
    output, thought = _number(said, "output_tokens"), _number(said.get("output_tokens_details"), "thinking_tokens")
    if output is not None and thought is not None:
        thought = min(thought, output)
        output -= thought
    counts = {
        "input": _number(said, "input_tokens"),
        "cache_read": _number(said, "cache_read_input_tokens"),
        "cache_write": short,
        "cache_write_1h": hour if written is not None or split else None,
        "output": output,
        "reasoning": thought,
    }
    return {bucket: count for bucket, count in counts.items() if count is not None}, hour


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """The usage object of a message. Input and output are always there, since clients count on them."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    said: dict[str, Any] = {"input_tokens": (usage.input or 0) + (usage.input_audio or 0)}
    if usage.cache_write is not None or usage.cache_write_1h is not None:
        said["cache_creation_input_tokens"] = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    if usage.cache_read is not None:
        said["cache_read_input_tokens"] = usage.cache_read
    if usage.cache_write_1h is not None:
        said["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    said["output_tokens"] = usage.total_output
    if usage.reasoning is not None:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return said


def _number(fields: Any, name: str) -> int | None:
    value = fields.get(name) if isinstance(fields, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)
