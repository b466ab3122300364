"""Usage as Converse reports it, as disjoint buckets, and back.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Usage

_object = msgspec.json.Decoder(dict[str, Any])


def read_usage(raw: Raw | bytes) -> Usage | None:
    """The buckets of a usage object; None when it counts nothing. Never raises, never negative.

    `inputTokens` is fresh input only. What was written to the cache is told by its life time in `cacheDetails`.
    """
    try:
        said = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    written = _number(said, "cacheWriteInputTokens")
    hour = _hour(said.get("cacheDetails"))
    if written is not None and hour is not None:
        hour = min(hour, written)
        written -= hour
    counts = {
        "input": _number(said, "inputTokens"),
        "cache_read": _number(said, "cacheReadInputTokens"),
        "cache_write": written,
        "cache_write_1h": hour,
        "output": _number(said, "outputTokens"),
    }
    known = {bucket: count for bucket, count in counts.items() if count is not None}
    return Usage(**known, raw=Raw(bytes(raw))) if known else None  # type: ignore[arg-type]  # buckets are ints


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """The usage object of a reply. Input, output and total are always there, since clients count on them."""
    if usage is None:
        return {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    said: dict[str, Any] = {
        "inputTokens": (usage.input or 0) + (usage.input_audio or 0),
        "outputTokens": usage.total_output,
        "totalTokens": usage.total,
    }
    if usage.cache_read is not None:
        said["cacheReadInputTokens"] = usage.cache_read
    if usage.cache_write is not None or usage.cache_write_1h is not None:
        said["cacheWriteInputTokens"] = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    if usage.cache_write_1h is not None:
        details = {"5m": usage.cache_write or 0, "1h": usage.cache_write_1h}
        said["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in details.items() if count]
    return said


def _hour(details: Any) -> int | None:
    """Tokens that live an hour in the cache; None when nothing is told of it."""
    hours = [
        count
        for one in (details if isinstance(details, list) else ())
        if isinstance(one, dict) and one.get("ttl") == "1h" and (count := _number(one, "inputTokens")) is not None
    ]
    return sum(hours) if hours else None


def _number(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)
