"""The little of a request that routing needs, read without decoding the rest; and addressing it upstream."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from tollhouse import Dialect, Rejected, Request, Route
from tollhouse.json_fields import wrong
from tollhouse.json_guard import members

REFUSED = frozenset(
    {
        "api_base",
        "api_key",
        "api_type",
        "api_version",
        "aws_bedrock_runtime_endpoint",
        "aws_sts_endpoint",
        "azure_ad_token",
        "base_url",
        "custom_llm_provider",
        "deployment_id",
        "extra_body",
        "extra_headers",
        "extra_query",
        "headers",
        "litellm_params",
        "model_list",
        "organization",
        "user_config",
        "vertex_credentials",
    }
)
"""Fields by which other gateways let a request say where it goes and with which credential. None is OpenAI's; an
upstream that is such a gateway would obey them."""

_KNOWN = frozenset(
    {
        "audio",
        "dimensions",
        "encoding_format",
        "frequency_penalty",
        "function_call",
        "functions",
        "input",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""OpenAI's fields: a request of nothing else needs no look at each name."""

_Limit = Annotated[int, Meta(ge=-(2**31), le=2**53)]
_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


class StreamOptions(Struct):
    """What a stream shall tell besides the reply."""

    include_usage: bool | None = None


class _Chat(Struct):
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: _Limit | None = None
    max_tokens: _Limit | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None


class _Embed(Struct):
    model: str | None = None


_chat = msgspec.json.Decoder(_Chat)
_embed = msgspec.json.Decoder(_Embed)
_READ = frozenset({*_Chat.__struct_fields__, "messages", "input"})


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect) -> Request:
    """What routing needs. Raises `Rejected` (400) that names the field. A negative output limit, which local
    hosts read as none, counts as unsaid."""
    if route.task not in ("chat", "embed"):
        return Request(raw, dialect=dialect, route=route)
    try:
        fields = members(raw)
        if not _KNOWN.issuperset(fields):
            check_names(fields, _READ)
        if route.task == "embed":
            embed = _embed.decode(only(_Embed, fields))
            model = model_of(tail or embed.model)
            _present(fields, "input")
            return Request(raw, dialect=dialect, route=route, model=model, tail=tail)
        chat = _chat.decode(only(_Chat, fields))
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    model = model_of(tail or chat.model)
    _present(fields, "messages")
    if memoryview(fields["messages"])[0] != ord("["):
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
    nothing."""
    raw = request.raw
    ask = request.stream and not request.wants_usage and request.task == "chat"
    if model == request.model and not ask and not request.tail:
        return raw
    try:
        fields = _object.decode(raw)
    except RecursionError:
        raise Rejected("The request body is nested too deeply.", code="invalid_json") from None
    fields["model"] = Raw(_encode(model))
    if ask:
        options = _object.decode(fields["stream_options"]) if _said(fields, "stream_options") else {}
        options["include_usage"] = Raw(b"true")
        fields["stream_options"] = Raw(_encode(options))
    return _encode(fields)


def only(struct: type[Struct], fields: dict[str, Raw]) -> bytes:
    """The members a struct reads, as an object of their own."""
    return _encode({name: fields[name] for name in struct.__struct_fields__ if name in fields})


def check_names(fields: Iterable[str], read: Collection[str]) -> None:
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
        if plain in read and name not in read:
            raise Rejected(f"The field `{name}` must be spelled `{plain}`.", code="unsupported_parameter", param=name)


def _said(fields: dict[str, Raw], name: str) -> bool:
    return name in fields and bytes(fields[name]) != b"null"


def model_of(name: str | None) -> str:
    """The model a request names. Raises `Rejected` (400) when it names none."""
    if name is None:
        raise wrong("Object missing required field `model`", ())
    if not name:
        raise Rejected("The field `model` is empty.", param="model")
    return name


def _present(fields: dict[str, Raw], name: str) -> None:
    if name not in fields:
        raise wrong(f"Object missing required field `{name}`", ())
