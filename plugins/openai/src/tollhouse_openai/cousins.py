"""Fields that mean the same in several of OpenAI's dialects, though the neutral form does not know them."""

from __future__ import annotations

from msgspec import Raw
from tollhouse.neutral import Extra

_SHARED = {
    "openai": {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier"},
    "openai_responses": {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier"},
    "openai_completions": {"frequency_penalty", "logit_bias", "presence_penalty"},
}
"""By the dialect the request came in."""


def carried(extra: Extra | None) -> dict[str, Raw]:
    """The fields of a request of another of OpenAI's dialects that mean the same here."""
    known = _SHARED.get(extra.dialect, ()) if extra is not None else ()
    return {name: raw for name, raw in (extra.fields if extra else {}).items() if name in known}


def is_cousin(dialect: str) -> bool:
    """Whether a request came in one of OpenAI's dialects."""
    return dialect in _SHARED
