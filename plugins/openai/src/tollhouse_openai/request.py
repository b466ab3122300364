"""The little of a request that routing needs, read without decoding the rest; and addressing it upstream."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from tollhouse import Dialect, Rejected, Request, Route

from .fields import wrong

_Limit = Annotated[int, Meta(ge=-(2**31), le=2**53)]
_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Chat(Struct):
    model: str | None = None
    messages: Raw = Raw(b"")
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_completion_tokens: _Limit | None = None
    max_tokens: _Limit | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None


class _Embed(Struct):
    model: str | None = None
    input: Raw = Raw(b"")


_chat = msgspec.json.Decoder(_Chat)
_embed = msgspec.json.Decoder(_Embed)


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect) -> Request:
    """What routing needs. Raises `Rejected` (400) that names the field. A negative output limit, which local
    hosts read as none, counts as unsaid."""
    if route.task not in ("chat", "embed"):
        return Request(raw, dialect=dialect, route=route)
    try:
        if not raw.isascii():
            raw.decode()
        if route.task == "embed":
            embed = _embed.decode(raw)
            model = _model(tail or embed.model)
            _present(embed.input, "input")
            return Request(raw, dialect=dialect, route=route, model=model, tail=tail)
        chat = _chat.decode(raw)
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    except msgspec.DecodeError as error:
        raise Rejected(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    except UnicodeDecodeError:
        raise Rejected("The request body is not valid UTF-8.", code="invalid_json") from None
    except RecursionError:
        raise Rejected("The request body is nested too deeply.", code="invalid_json") from None
    model = _model(tail or chat.model)
    _present(chat.messages, "messages")
    if memoryview(chat.messages)[0] != ord("["):
        raise wrong("Expected `array`", ("messages",))
    limit = chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens
    stream = chat.stream is True
    asked = chat.stream_options is not None and chat.stream_options.include_usage is True
    return Request(
        raw,
        dialect=dialect,
        route=route,
        model=model,
        stream=stream,
        wants_usage=asked or not stream,
        max_output=limit if limit is None or limit >= 0 else None,
        n=chat.n or 1,
        tail=tail,
    )


def address(request: Request, model: str) -> bytes:
    """The caller's bytes, asking the upstream's model and, in a stream, for usage. Untouched when that changes
    nothing; a model named twice is said once, so that no upstream reads another one than we did."""
    raw = request.raw
    ask = request.stream and not request.wants_usage and request.task == "chat"
    if model == request.model and not ask and not request.tail and raw.count(b'"model"') < 2:
        return raw
    fields = _object.decode(raw)
    fields["model"] = Raw(_encode(model))
    if ask:
        options = _object.decode(fields["stream_options"]) if _said(fields, "stream_options") else {}
        options["include_usage"] = Raw(b"true")
        fields["stream_options"] = Raw(_encode(options))
    return _encode(fields)


def _said(fields: dict[str, Raw], name: str) -> bool:
    return name in fields and bytes(fields[name]) != b"null"


def _model(name: str | None) -> str:
    if name is None:
        raise wrong("Object missing required field `model`", ())
    if not name:
        raise Rejected("The field `model` is empty.", param="model")
    return name


def _present(value: Raw, name: str) -> None:
    if not memoryview(value):
        raise wrong(f"Object missing required field `{name}`", ())
