"""The little of a request that routing needs, read without decoding the rest; and addressing it upstream."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from tollhouse import Dialect, Edit, Rejected, Request, Route
from tollhouse.json_fields import wrong
from tollhouse.json_guard import members
from tollhouse.json_patch import patch

REFUSED = frozenset(
    {
        "api_base",
        "api_key",
        "base_url",
        "custom_llm_provider",
        "extra_body",
        "extra_headers",
        "extra_query",
        "headers",
        "litellm_params",
        "user_config",
    }
)
"""Fields by which other gateways let a request say where it goes and with which credential. None is Anthropic's;
an upstream that is such a gateway would obey them."""

_encode = msgspec.json.Encoder().encode


class _Count(Struct):
    model: str | None = None


class _Chat(_Count):
    max_tokens: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    stream: bool | None = None


_count = msgspec.json.Decoder(_Count)
_chat = msgspec.json.Decoder(_Chat)
_READ = frozenset({*_Chat.__struct_fields__, "messages"})


def read_request(raw: bytes, route: Route, dialect: Dialect) -> Request:
    """What routing needs. Raises `Rejected` (400) that names the field."""
    if route.task not in ("chat", "count"):
        return Request(raw, dialect=dialect, route=route)
    try:
        fields = members(raw)
        _check_names(fields)
        known = _encode({name: fields[name] for name in _READ if name in fields})
        said = _chat.decode(known) if route.task == "chat" else _count.decode(known)
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    for name in ("model", "max_tokens", "messages") if route.task == "chat" else ("model", "messages"):
        if name not in fields or bytes(fields[name]) == b"null":
            raise wrong(f"Object missing required field `{name}`", ())
    if memoryview(fields["messages"])[0] != ord("["):
        raise wrong("Expected `array`", ("messages",))
    if not said.model:
        raise Rejected("The field `model` is empty.", param="model")
    if not isinstance(said, _Chat):
        return Request(raw, dialect=dialect, route=route, model=said.model)
    return Request(
        raw,
        dialect=dialect,
        route=route,
        model=said.model,
        stream=said.stream is True,
        max_output=said.max_tokens,
    )


def address(request: Request, model: str) -> bytes:
    """The caller's bytes, asking the upstream's model. Untouched when that changes nothing."""
    if model == request.model:
        return request.raw
    return patch(request.raw, [Edit(("model",), model)])


def _check_names(fields: dict[str, Raw]) -> None:
    """Raises `Rejected` for a refused field, and for one that only a reader blind to case takes for one we read."""
    for name in fields:
        plain = name.casefold()
        if plain in REFUSED:
            raise Rejected(
                f"The field `{name}` is not accepted: where a request goes, and with which credential and headers, "
                "the gateway's configuration decides.",
                code="unsupported_parameter",
                param=name,
            )
        if plain in _READ and name not in _READ:
            raise Rejected(f"The field `{name}` must be spelled `{plain}`.", code="unsupported_parameter", param=name)
