"""Which requests are not cached because a replay could not give back all that was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw
from tollhouse.neutral import Chat, Embed

_NOTHING = (b"null", b"false", b"[]", b"{}", b'""', b"0")

STATE = ("previous_response_id", "conversation", "background", "prompt", "container", "cachedContent", "store")
"""The upstream knows more than the request says, or is asked to keep what is answered."""

BEYOND = ("logprobs", "top_logprobs", "audio", "functions", "function_call", "web_search_options")
"""Replies to these say what the neutral form cannot."""

WITHIN = {"include": (b"logprobs",), "generationConfig": (b"esponseModalities", b"esponseLogprobs", b"response_")}
"""Fields, and what in them asks for more than the neutral form can say."""

RESPONSES = "openai_responses"
"""The dialect whose replies are kept by the upstream unless the caller says `store: false`."""


def why_not(body: Chat | Embed, dialect: str) -> str:
    """Words for operators, empty for a request that is fit to be cached. `dialect` is the request's."""
    said: Mapping[str, Raw] = body.extra.fields if body.extra is not None else {}
    for name in STATE:
        if _means_something(said, name):
            return f"the upstream would keep what `{name}` asks for"
    if dialect == RESPONSES and "store" not in said:
        return "the upstream would keep the response, as `store` was not false"
    for name in BEYOND:
        if _means_something(said, name):
            return f"a cached answer cannot give what `{name}` asks for"
    if isinstance(body, Chat) and dialect != RESPONSES and _lists_more_than(said, "modalities", b'"text"'):
        return "a cached answer cannot give what `modalities` asks for"
    if b'"custom"' in bytes(said.get("tools", Raw(b""))):
        return "a cached answer cannot give a call of a custom tool"
    for name, words in WITHIN.items():
        if any(word in bytes(said.get(name, Raw(b""))) for word in words):
            return f"a cached answer cannot give what `{name}` asks for"
    return ""


def _means_something(said: Mapping[str, Raw], name: str) -> bool:
    return name in said and bytes(said[name]) not in _NOTHING


def _lists_more_than(said: Mapping[str, Raw], name: str, one: bytes) -> bool:
    if not _means_something(said, name):
        return False
    return any(bytes(item) != one for item in msgspec.json.decode(said[name], type=list[Raw]))
