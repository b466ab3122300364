"""Whose a response, conversation, file or batch is: bound when one is made, checked when somebody names it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct
from tollhouse import Attempt, Exchange, Rejected, Reply, StoreError
from tollhouse.framing import sse
from tollhouse.principal import ANONYMOUS

KINDS = {"responses": "response", "conversations": "conversation", "files": "file", "batches": "batch"}
"""What the collections of the API hold."""

_ALWAYS = ("response", "conversation")
"""Kinds that nobody may name unless they are bound; others may come from outside while nobody authenticates."""
_LIMIT = 1024 * 1024
"""Bytes of an answer about a new object."""


class _Made(Struct):
    id: str = ""


class _Begun(Struct):
    response: _Made | None = None


_made = msgspec.json.Decoder(_Made)
_begun = msgspec.json.Decoder(_Begun)


def place(path: str) -> tuple[str, str]:
    """The kind of object a path below the API is about, and its id; empty where it names none."""
    words = [word for word in path.split("/") if word]
    while words and words[0].casefold() in ("openai", "v1"):
        del words[0]
    kind = KINDS.get(words[0].casefold(), "") if words else ""
    return kind, words[1] if kind and len(words) > 1 else ""


async def admit(exchange: Exchange) -> None:
    """Let a passthrough to one of these objects go to the upstream that made it, if it is the caller's. Raises
    `Rejected` (404) for a stranger's id and an unknown one alike, and for a response asked for unread."""
    kind, id_ = place(exchange.tail)
    if kind == "response" and not _named(exchange, id_):
        raise Rejected(
            "A response is asked for at /v1/responses, where the model's name says which provider gives it.",
            status=404,
            code="not_found",
        )
    if not id_:
        return
    try:
        provider = await owner(exchange, kind, id_)
    except Rejected:
        if kind in _ALWAYS or exchange.principal != ANONYMOUS:
            raise
        return
    if exchange.addressed not in ("", provider):
        raise Rejected(f"There is no {kind} with this id.", status=404, code="not_found", param="id")
    exchange.addressed, exchange.owned = provider, True


def _named(exchange: Exchange, id_: str) -> bool:
    """Whether a path names a response, rather than something that is done to a body nobody read."""
    return bool(id_) and not (exchange.method == "POST" and id_ in ("compact", "input_tokens"))


async def owner(exchange: Exchange, kind: str, id_: str) -> str:
    """The provider that made the caller's object. Raises `Rejected` (404) for one that is not theirs."""
    bound = await exchange.gateway.owners.check(kind, id_, exchange.principal)
    provider = bound.target.partition("/")[0]
    if provider not in exchange.edition.providers:
        raise Rejected(f"There is no {kind} with this id.", status=404, code="not_found", param="id")
    return provider


async def bind_response(attempt: Attempt, reply: Reply) -> Reply:
    """The reply, whose response is bound to the caller before they read its id."""
    if reply.body is not None:
        await _bind(attempt, "response", _id_of(reply.body))
    elif reply.frames is not None:
        reply.frames = _bound(attempt, reply.frames)
    return reply


async def bind_created(attempt: Attempt, reply: Reply) -> Reply:
    """The reply to a passthrough that may have made an object: bound to the caller before they read its id."""
    exchange = attempt.exchange
    kind, id_ = place(exchange.tail)
    json = "json" in reply.headers.get("content-type", "")
    if exchange.method != "POST" or not kind or id_ or not json or reply.chunks is None or reply.status >= 300:
        return reply
    body = bytearray()
    whole = True
    chunks = reply.chunks
    async for chunk in chunks:
        body += chunk
        if len(body) > _LIMIT:
            whole = False
            break
    if whole:
        await _bind(attempt, kind, _id_of(bytes(body)))
    reply.chunks = _again(bytes(body), chunks)
    return reply


async def _bound(attempt: Attempt, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    waiting = True
    async for raw in frames:
        if waiting and b'"response"' in raw:
            waiting = False
            await _bind(attempt, "response", _begun_id(sse.data(raw)))
        yield raw


async def _again(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk


async def _bind(attempt: Attempt, kind: str, id_: str) -> None:
    """A store that is away costs the caller the way back to the object, not the answer."""
    if not id_:
        return
    exchange = attempt.exchange
    try:
        await exchange.gateway.owners.bind(kind, id_, exchange.principal, attempt.target.name)
    except StoreError as error:
        exchange.note("openai", f"the {kind} cannot be asked for later: {error}")


def _id_of(body: bytes) -> str:
    return str(_read(_made, body).id)


def _begun_id(data: bytes) -> str:
    response = _read(_begun, data).response
    return response.id if response else ""


def _read(decoder: Any, data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return decoder.type()
