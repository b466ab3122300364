"""Usage as OpenAI and its kin report it, as disjoint buckets, and back."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Usage


class _Fields(Struct):
    """The fields of a usage object that matter, as they come."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    prompt_tokens_details: Any = None
    completion_tokens_details: Any = None
    prompt_cache_hit_tokens: Any = None
    cached_tokens: Any = None
    num_cached_tokens: Any = None


_decoder = msgspec.json.Decoder(_Fields)
_NONE = (None, None, None)


class Reported(Struct):
    """The numbers of a usage object, all hosts' spellings."""

    prompt: int | None
    completion: int | None
    total: int | None
    cached: int | None
    written: int | None
    audio_in: int | None
    reasoning: int | None
    audio_out: int | None


def read_usage(raw: Raw | bytes) -> Usage | None:
    """The buckets of a usage object; None when it says nothing readable. Never raises, never negative.

    `prompt_tokens` contains cached, cache-written and audio tokens, `completion_tokens` audio and, at most hosts,
    reasoning. Hosts that count reasoning beside the completion (xAI) are told by their `total_tokens`.
    """
    try:
        fields = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return buckets(_reported(fields), raw)


def buckets(said: Reported, raw: Raw | bytes) -> Usage | None:
    """What was reported as buckets that never overlap; None when it was nothing."""
    if said.prompt is None and said.completion is None and said.total is None:
        return None
    prompt, completion = said.prompt, said.completion
    if prompt is None and said.total is not None:
        prompt = max(0, said.total - (completion or 0))
    fresh, cached, written, audio_in = _shares(prompt, said.cached, said.written, said.audio_in)
    if completion is not None and said.reasoning and said.total == (prompt or 0) + completion + said.reasoning:
        completion += said.reasoning
    visible, reasoning, audio_out, _ = _shares(completion, said.reasoning, said.audio_out, None)
    return Usage(
        input=fresh,
        cache_read=cached,
        cache_write=written,
        input_audio=audio_in,
        output=visible,
        reasoning=reasoning,
        output_audio=audio_out,
        raw=Raw(bytes(raw)),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of a chat completion."""
    said: dict[str, Any] = {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
    }
    written = None
    if usage.cache_write is not None or usage.cache_write_1h is not None:
        written = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    details_in = _known(cached_tokens=usage.cache_read, cache_write_tokens=written, audio_tokens=usage.input_audio)
    details_out = _known(reasoning_tokens=usage.reasoning, audio_tokens=usage.output_audio)
    if details_in:
        said["prompt_tokens_details"] = details_in
    if details_out:
        said["completion_tokens_details"] = details_out
    return said


def _reported(fields: _Fields) -> Reported:
    details_in, details_out = fields.prompt_tokens_details, fields.completion_tokens_details
    cached = number_of(details_in, "cached_tokens")
    for beside in (fields.prompt_cache_hit_tokens, fields.cached_tokens, fields.num_cached_tokens):
        cached = _number(beside) if cached is None else cached
    return Reported(
        prompt=_number(fields.prompt_tokens),
        completion=_number(fields.completion_tokens),
        total=_number(fields.total_tokens),
        cached=cached,
        written=number_of(details_in, "cache_write_tokens"),
        audio_in=number_of(details_in, "audio_tokens"),
        reasoning=number_of(details_out, "reasoning_tokens"),
        audio_out=number_of(details_out, "audio_tokens"),
    )


def _shares(whole: int | None, *parts: int | None) -> tuple[int | None, int | None, int | None, int | None]:
    """What is left of `whole` after its parts, and the parts cut so that all add up to `whole`."""
    if whole is None or parts == _NONE:
        return whole, *parts  # type: ignore[return-value]  # always three parts
    cut: list[int | None] = []
    for part in parts:
        cut.append(None if part is None else min(part, whole))
        whole -= cut[-1] or 0
    return whole, *cut  # type: ignore[return-value]


def number_of(fields: Any, name: str) -> int | None:
    """A count that a field tells; None when it tells none."""
    return _number(fields.get(name)) if isinstance(fields, dict) else None


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)


def _known(**numbers: int | None) -> dict[str, int]:
    return {name: value for name, value in numbers.items() if value is not None}
