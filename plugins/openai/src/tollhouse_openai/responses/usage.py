"""Usage of a response, as disjoint buckets, and back."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Usage

from ..usage import Reported, buckets, number_of

_object = msgspec.json.Decoder(dict[str, Any])


def read_usage(raw: Raw | bytes) -> Usage | None:
    """The buckets of a usage object; None when it says nothing readable. Never raises, never negative."""
    try:
        fields = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    within, without = fields.get("input_tokens_details"), fields.get("output_tokens_details")
    said = Reported(
        prompt=number_of(fields, "input_tokens"),
        completion=number_of(fields, "output_tokens"),
        total=number_of(fields, "total_tokens"),
        cached=number_of(within, "cached_tokens"),
        written=number_of(within, "cache_write_tokens"),
        audio_in=number_of(within, "audio_tokens"),
        reasoning=number_of(without, "reasoning_tokens"),
        audio_out=number_of(without, "audio_tokens"),
    )
    return buckets(said, raw)


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of a response; clients need both details."""
    written = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {"cached_tokens": usage.cache_read or 0, "cache_write_tokens": written},
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total,
    }
