"""The little of a request that routing needs, and the whole of one as a conversation of one turn."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from tollhouse import Dialect, Receipt, Rejected, Request, Route
from tollhouse.json_fields import Fields, convert, merge, wrong
from tollhouse.json_guard import members
from tollhouse.neutral import Chat, Message, Text

from ..decode import read_stop
from ..request import StreamOptions, check_names, model_of, only
from .name import NAME

_KNOWN = frozenset(
    {
        "best_of",
        "echo",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "model",
        "n",
        "presence_penalty",
        "prompt",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "top_p",
        "user",
    }
)
"""OpenAI's fields: a request of nothing else needs no look at each name."""

_encode = msgspec.json.Encoder().encode


class _Head(Struct):
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=-(2**31), le=2**53)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None


_head = msgspec.json.Decoder(_Head)


class Prompted(Request):
    """A request of this dialect."""

    __slots__ = ()
    losses = ("approximated=prompt:asked as a user's turn, which is answered and not continued",)


def read_request(raw: bytes, route: Route, tail: str, dialect: Dialect) -> Request:
    """What routing needs. Raises `Rejected` (400) that names the field."""
    try:
        fields = members(raw)
        if not _KNOWN.issuperset(fields):
            check_names(fields, {*_Head.__struct_fields__, "prompt"})
        head = _head.decode(only(_Head, fields))
    except msgspec.ValidationError as error:
        raise wrong(str(error), ()) from None
    if "prompt" not in fields:
        raise wrong("Object missing required field `prompt`", ())
    stream = head.stream is True
    asked = head.stream_options is not None and head.stream_options.include_usage is True
    limit = head.max_tokens
    return Prompted(
        raw,
        dialect=dialect,
        route=route,
        model=model_of(tail or head.model),
        stream=stream,
        wants_usage=asked or not stream,
        max_output=limit if limit is None or limit >= 0 else None,
        n=head.n or 1,
        tail=tail,
    )


def read_chat(raw: bytes) -> Chat:
    """The whole of a request. Raises `Rejected` (400) naming the field, and for prompts that no conversation is."""
    fields = Fields(raw)
    for name in ("model", "stream"):
        fields.raw(name)
    fields.within("stream_options").raw("include_usage")
    limit = fields.take("max_tokens", int)
    chat = Chat(
        messages=[_prompt(fields)],
        max_output=limit if limit is None or limit >= 0 else None,
        temperature=fields.take("temperature", float),
        top_p=fields.take("top_p", float),
        stop=read_stop(fields),
        seed=fields.take("seed", int),
        n=fields.take("n", int) or 1,
        user=fields.take("user", str) or "",
    )
    chat.extra = fields.extra_of(NAME)
    return chat


def write_prompt(chat: Chat, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A request of this dialect, written anew for `model`. Raises `Rejected` (400) for one of another dialect: a
    conversation is no prompt."""
    if request.dialect.name != NAME:
        raise Rejected(
            f"The model `{request.model[:100]}` is asked for plain completions only, which no conversation is.",
            code="unsupported_parameter",
            param="model",
        )
    [message] = chat.messages
    body: dict[str, Any] = {"model": model, "prompt": "".join(p.text for p in message.parts if isinstance(p, Text))}
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    for name, value in (
        ("max_tokens", chat.max_output),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("stop", chat.stop or None),
        ("seed", chat.seed),
        ("n", chat.n if chat.n != 1 else None),
        ("user", chat.user or None),
    ):
        if value is not None:
            body[name] = value
    return _encode(merge(body, chat.extra, NAME)), Receipt()


def _prompt(fields: Fields) -> Message:
    raw = fields.raw("prompt")
    said = None if raw is None else convert(raw, object, ("prompt",))
    path: tuple[str | int, ...] = ("prompt",)
    if isinstance(said, list) and len(said) == 1:
        said, path = said[0], ("prompt", 0)
    if not isinstance(said, str):
        raise Rejected(
            "`prompt` must be one text here: the model is asked in a conversation, which knows neither lists of tokens "
            "nor several prompts. Send a request for each.",
            code="unsupported_parameter",
            param="prompt",
        )
    return Message(role="user", parts=[Text(text=said, path=path)], path=("prompt",))
