"""Usage as OpenAI and its kin report it, as disjoint buckets, and back."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Usage


class _Reported(Struct):
    """The numbers of a usage object, all hosts' spellings."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    prompt_tokens_details: Any = None
    completion_tokens_details: Any = None
    prompt_cache_hit_tokens: Any = None
    cached_tokens: Any = None
    num_cached_tokens: Any = None


_decoder = msgspec.json.Decoder(_Reported)
_NONE = (None, None, None)


def read_usage(raw: Raw | bytes) -> Usage | None:
    """The buckets of a usage object; None when it says nothing readable. Never raises, never negative.

    `prompt_tokens` contains cached, cache-written and audio tokens, `completion_tokens` audio and, at most hosts,
    reasoning. Hosts that count reasoning beside the completion (xAI) are told by their `total_tokens`.
    """
    try:
        said = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    prompt, completion = _number(said.prompt_tokens), _number(said.completion_tokens)
    total = _number(said.total_tokens)
    if prompt is None and completion is None and total is None:
        return None
    if prompt is None and total is not None:
        prompt = max(0, total - (completion or 0))
    cached = written = audio_in = reasoning = audio_out = None
    if isinstance(details := said.prompt_tokens_details, dict):
        cached, written = _number(details.get("cached_tokens")), _number(details.get("cache_write_tokens"))
        audio_in = _number(details.get("audio_tokens"))
    for beside in (said.prompt_cache_hit_tokens, said.cached_tokens, said.num_cached_tokens):
        if cached is None and beside is not None:
            cached = _number(beside)
    if isinstance(details := said.completion_tokens_details, dict):
        reasoning, audio_out = _number(details.get("reasoning_tokens")), _number(details.get("audio_tokens"))
        if completion is not None and reasoning and total == (prompt or 0) + completion + reasoning:
            completion += reasoning
    fresh, cached, written, audio_in = _shares(prompt, cached, written, audio_in)
    visible, reasoning, audio_out, _ = _shares(completion, reasoning, audio_out, None)
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


def _shares(whole: int | None, *parts: int | None) -> tuple[int | None, int | None, int | None, int | None]:
    """What is left of `whole` after its parts, and the parts cut so that all add up to `whole`."""
    if whole is None or parts == _NONE:
        return whole, *parts  # type: ignore[return-value]  # always three parts
    cut: list[int | None] = []
    for part in parts:
        cut.append(None if part is None else min(part, whole))
        whole -= cut[-1] or 0
    return whole, *cut  # type: ignore[return-value]


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)


def _known(**numbers: int | None) -> dict[str, int]:
    return {name: value for name, value in numbers.items() if value is not None}
