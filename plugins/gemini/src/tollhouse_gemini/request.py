"""The little of a request that routing needs, read without decoding the rest; and addressing it upstream."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from tollhouse import Dialect, Edit, Rejected, Request, Route
from tollhouse.json_fields import missing, wrong
from tollhouse.json_guard import members

from .patch import patch

_NEEDED = {
    "generateContent": ("contents",),
    "streamGenerateContent": ("contents",),
    "countTokens": ("contents", "generateContentRequest", "generate_content_request"),
    "embedContent": ("content",),
    "batchEmbedContents": ("requests",),
}
"""What each method needs, one of them at least."""

_Limit = Annotated[int, Meta(ge=-(2**31), le=2**31)]
_Count = Annotated[int, Meta(ge=0, le=128)]


class _Config(Struct):
    maxOutputTokens: _Limit | None = None
    max_output_tokens: _Limit | None = None
    candidateCount: _Count | None = None
    candidate_count: _Count | None = None


class _Named(Struct):
    model: str | None = None


_config = msgspec.json.Decoder(_Config, strict=False)
_named = msgspec.json.Decoder(_Named)
_list = msgspec.json.Decoder(list[_Named])


class Asked(Request):
    """A request; `array` says that its stream is written as a JSON array and not as server-sent events."""

    __slots__ = ("array",)
    array: bool


def method(route: Route) -> str:
    """The method a path ends with: `generateContent`."""
    return route.path.rpartition(":")[2]


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect) -> Request:
    """What routing needs; `tail` is the model's name. Raises `Rejected` (400) that names the field."""
    if route.task not in ("chat", "embed", "count"):
        return Request(raw, dialect=dialect, route=route)
    try:
        fields = members(raw)
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    config = _settings(fields)
    needed = _NEEDED[method(route)]
    if not any(name in fields for name in needed):
        raise missing((needed[0],))
    if route.task == "chat" and memoryview(fields["contents"])[0] not in b"[{":
        raise wrong("Expected `array`", ("contents",))
    if not tail.removeprefix("models/"):
        raise Rejected("The path names no model.", param="model")
    limit = config.maxOutputTokens if config.maxOutputTokens is not None else config.max_output_tokens
    asked = Asked(
        raw,
        dialect=dialect,
        route=route,
        model=tail.removeprefix("models/"),
        stream=method(route) == "streamGenerateContent",
        max_output=limit if limit is None or limit > 0 else None,
        n=config.candidateCount or config.candidate_count or 1,
        tail=tail,
    )
    asked.array = False
    return asked


def address(request: Request, model: str) -> bytes:
    """The caller's bytes. The model stands in the address; only where the body repeats it, it is changed there."""
    raw = request.raw
    if b'"model"' not in raw:
        return raw
    wanted = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    known = (None, wanted, model)
    edits = [Edit((*path, "model"), wanted) for path, said in _repeated(raw) if said not in known]
    return patch(raw, edits) if edits else raw


def _settings(fields: dict[str, Raw]) -> _Config:
    for name in ("generationConfig", "generation_config"):
        if name in fields and bytes(fields[name]) != b"null":
            try:
                return _config.decode(fields[name])
            except msgspec.ValidationError as error:
                raise wrong(str(error), (name,)) from None
    return _Config()


def _repeated(raw: bytes) -> list[tuple[tuple[str | int, ...], str | None]]:
    """Where a body may say its model again, and what it says."""
    fields = members(raw)
    try:
        found: list[tuple[tuple[str | int, ...], str | None]] = [((), _named.decode(raw).model)]
        for name in ("generateContentRequest", "generate_content_request"):
            if name in fields:
                found.append(((name,), _named.decode(fields[name]).model))
        if "requests" in fields:
            found += [(("requests", n), one.model) for n, one in enumerate(_list.decode(fields["requests"]))]
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    return found
