"""What binds requests together: a session, a conversation, a user, a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from tollhouse import Exchange, Rejected
from tollhouse.neutral import Chat, Media, Message, Text, ToolCall, ToolResult

from .settings import By, Policy

_DEFAULT: dict[str, tuple[By, ...]] = {"sticky": ("session", "conversation"), "canary": ("session", "user", "key")}


def affinity(exchange: Exchange, policy: Policy, strategy: str) -> tuple[str, str]:
    """What a request is known by: the kind and the word, of the first kind it has; empty when it has none. Sessions
    are told apart by caller, so that nobody moves another's."""
    for by in policy.by or _DEFAULT[strategy]:
        if word := _word(exchange, policy, by):
            return by, word
    return "", ""


def _word(exchange: Exchange, policy: Policy, by: By) -> str:
    principal = exchange.principal
    if by == "user":
        return principal.user
    if by == "key":
        return principal.key
    if by == "session":
        session = exchange.headers.get(policy.session_header, "")
        return "\0".join((principal.key, principal.user, session)) if session else ""
    return conversation(exchange, policy.prefix)


def conversation(exchange: Exchange, prefix: int) -> str:
    """A digest of the tools, the system's messages and the first `prefix` others of a chat, which is what upstreams
    keep in their prompt caches; empty for anything but a chat. Marks of where to cache do not count: clients move
    them from turn to turn."""
    body = exchange_body(exchange)
    if body is None:
        return ""
    digest = blake2b(digest_size=16)
    for tool in body.tools:
        _add(digest, "tool", tool.name, tool.description, bytes(tool.schema).decode("utf-8", "replace"))
    counted = 0
    for message in body.messages:
        if message.role not in ("system", "developer"):
            if counted == prefix:
                continue
            counted += 1
        _add(digest, message.role, *_words(message))
    return digest.hexdigest()


def exchange_body(exchange: Exchange) -> Chat | None:
    """The chat in its neutral form; None for any other task, and for one that cannot be read: whoever must read it
    says so."""
    if exchange.task not in ("chat", "count"):
        return None
    try:
        body = exchange.request.body
    except Rejected:
        return None
    return body if isinstance(body, Chat) else None


def _add(digest: blake2b, *words: str) -> None:
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)


def _words(message: Message) -> Iterator[str]:
    yield from _said(message.parts)


def _said(parts: Sequence[object]) -> Iterator[str]:
    for part in parts:
        yield type(part).__name__
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, Media):
            yield from (part.kind, part.url, part.inline, part.file_id)
        elif isinstance(part, ToolCall):
            yield from (part.name, part.arguments)
        elif isinstance(part, ToolResult):
            yield from _said(part.parts)
