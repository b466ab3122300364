"""Usage as Gemini reports it, as disjoint buckets, and back.

Source: https://ai.google.dev/api/generate-content#UsageMetadata
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Usage

_object = msgspec.json.Decoder(dict[str, Any])
_AUDIO = ("AUDIO", 4)


def read_usage(raw: Raw | bytes) -> Usage | None:
    """The buckets of a `usageMetadata`; None when it counts nothing. Never raises, never negative.

    `promptTokenCount` contains the cached tokens; tokens of the upstream's own tools and thoughts are counted
    beside it and beside `candidatesTokenCount`. A count of 0 is left out, as protobuf does; the total tells it.
    """
    try:
        fields = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    prompt, tools = _number(fields, "promptTokenCount"), _number(fields, "toolUsePromptTokenCount")
    visible, thoughts = _number(fields, "candidatesTokenCount"), _number(fields, "thoughtsTokenCount")
    if prompt is None and visible is None and thoughts is None and tools is None:
        return None
    total = _number(fields, "totalTokenCount")
    if visible is None and total is not None:
        visible = max(0, total - (prompt or 0) - (tools or 0) - (thoughts or 0))
    cached = _number(fields, "cachedContentTokenCount")
    heard = _audio(fields, "promptTokensDetails")
    if heard is not None:
        heard = max(0, heard - (_audio(fields, "cacheTokensDetails") or 0))
    spoken = _audio(fields, "candidatesTokensDetails")
    fresh = prompt
    if prompt is not None:
        cached = None if cached is None else min(cached, prompt)
        heard = None if heard is None else min(heard, prompt - (cached or 0))
        fresh = prompt - (cached or 0) - (heard or 0)
    if tools is not None:
        fresh = (fresh or 0) + tools
    if visible is not None and spoken is not None:
        spoken = min(spoken, visible)
        visible -= spoken
    return Usage(
        input=fresh,
        cache_read=cached,
        input_audio=heard,
        output=visible,
        reasoning=thoughts,
        output_audio=spoken,
        raw=Raw(bytes(raw)),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The `usageMetadata` of a reply."""
    said: dict[str, Any] = {"promptTokenCount": usage.total_input}
    if usage.cache_read is not None:
        said["cachedContentTokenCount"] = usage.cache_read
    if usage.output is not None or usage.output_audio is not None:
        said["candidatesTokenCount"] = (usage.output or 0) + (usage.output_audio or 0)
    if usage.reasoning is not None:
        said["thoughtsTokenCount"] = usage.reasoning
    said["totalTokenCount"] = usage.total
    if usage.input_audio is not None:
        said["promptTokensDetails"] = _details(usage.total_input - usage.input_audio, usage.input_audio)
    if usage.output_audio is not None:
        said["candidatesTokensDetails"] = _details(usage.output or 0, usage.output_audio)
    return said


def _details(text: int, audio: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": text}, {"modality": "AUDIO", "tokenCount": audio}]


def _audio(fields: dict[str, Any], name: str) -> int | None:
    """The audio tokens of a list of counts by modality; None when it has none."""
    details = fields.get(name)
    counts = [
        count
        for item in (details if isinstance(details, list) else ())
        if isinstance(item, dict) and item.get("modality") in _AUDIO
        if (count := _number(item, "tokenCount")) is not None
    ]
    return sum(counts) if counts else None


def _number(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)
