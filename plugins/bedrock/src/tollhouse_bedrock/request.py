"""The little of a request that routing needs, read without decoding the rest."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from tollhouse import Dialect, Rejected, Request, Route
from tollhouse.json_fields import missing, wrong
from tollhouse.json_guard import members

STREAM = "/converse-stream"
"""How the path of a stream ends."""

_PROMPT = ":prompt/"


class _Config(Struct):
    maxTokens: Annotated[int, Meta(ge=0, le=2**53)] | None = None


_config = msgspec.json.Decoder(_Config | None)


class Asked(Request):
    """A request, and when it was read, in the dialect's monotonic seconds."""

    __slots__ = ("at",)
    at: float


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect, now: float) -> Request:
    """What routing needs; `tail` is the model. Raises `Rejected` (400) that names the field."""
    if route.task not in ("chat", "count"):
        return Request(raw, dialect=dialect, route=route)
    try:
        fields = members(raw)
        said = _config.decode(fields.get("inferenceConfig", b"null")) if route.task == "chat" else None
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    needed = "messages" if route.task == "chat" else "input"
    if (needed not in fields or bytes(fields[needed]) == b"null") and _PROMPT not in tail:
        raise missing((needed,))
    if route.task == "chat" and needed in fields and memoryview(fields[needed])[0] not in b"[n":
        raise wrong("Expected `array`", (needed,))
    if not tail.strip():
        raise Rejected("The path names no model.", param="modelId")
    asked = Asked(
        raw,
        dialect=dialect,
        route=route,
        model=tail,
        stream=route.path.endswith(STREAM),
        max_output=said.maxTokens if said else None,
        tail=tail,
    )
    asked.at = now
    return asked
