"""Where text stands in a request: every string of its bytes by JSON path, but for what is no text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from tollhouse import Rejected, Request
from tollhouse.neutral import Chat, Embed, Media, Opaque, Path, Text, Thinking, ToolCall

_NAMES = frozenset(
    {
        "type", "role", "model", "id", "call_id", "tool_call_id", "tool_use_id", "file_id", "object", "status",
        "signature", "thoughtSignature", "thought_signature", "encrypted_content", "mimeType", "mime_type",
        "media_type", "previous_response_id", "service_tier",
    }
)  # fmt: skip
"""Fields whose values are identifiers that both sides must find unchanged, and that no model reads."""

_DATA = re.compile(r"data:[\w/+.;=-]*,")


@dataclass(frozen=True, slots=True)
class Place:
    """One string of a request. `role` is whose words it is (`user`, `tool`, ...), empty for a tool's description and
    what else stands outside messages."""

    path: Path
    text: str
    role: str = ""
    json: bool = False
    """Whether the string is JSON itself: a tool call's arguments."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a request says, and whether it has parts that no check can read."""

    texts: tuple[Place, ...]
    media: bool = False
    tokens: bool = False
    """Whether a text is given as numbers of tokens."""


def places(request: Request) -> Places:
    """Every text of a request whose body was read. Raises `Rejected` for one that is none."""
    reading = _Reading(request)
    try:
        decoded = msgspec.json.decode(request.raw)
    except (msgspec.DecodeError, RecursionError):
        raise Rejected("The body is not JSON.", code="invalid_json") from None
    texts = tuple(reading.walk(decoded, (), "", False))
    return Places(texts, reading.media, _tokens(decoded))


class _Reading:
    """Tells, by the neutral form, what the strings of one request are."""

    def __init__(self, request: Request) -> None:
        self.roles: dict[Path, str] = {}
        self.texts: set[Path] = set()
        self.free: set[Path] = set()
        """Below these stands whatever the caller likes: no name there means anything."""
        self.arguments: set[Path] = set()
        self.inline: set[str] = set()
        self.media = False
        body = request.body if request.task in ("chat", "count", "embed") else None
        if isinstance(body, Chat):
            for message in body.messages:
                self.roles[message.path] = message.role
                for part in message.parts:
                    self._part(part)
        elif isinstance(body, Embed):
            self.roles["input",] = "user"

    def _part(self, part: Any) -> None:
        match part:
            case Text() | Thinking():
                self.texts.add(part.path)
            case ToolCall():
                self.free.add(part.path)
                self.arguments.add(part.path)
            case Media():
                self.media = True
                self.inline.update(word for word in (part.inline, part.url) if word)
            case Opaque():
                self.free.add(part.path)
        for inner in getattr(part, "parts", ()):
            self._part(inner)

    def walk(self, value: Any, path: Path, role: str, free: bool) -> Iterator[Place]:
        """The places at `path` and below."""
        role = self.roles.get(path, role)
        free = free or path in self.free
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from self.walk(inner, (*path, name), role, free)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                yield from self.walk(inner, (*path, number), role, free)
        elif isinstance(value, str) and value and (path in self.texts or free or not self._spared(path, value)):
            yield Place(path, value, role, path in self.arguments)

    def _spared(self, path: Path, value: str) -> bool:
        if path and path[-1] in _NAMES:
            return True
        return value in self.inline or (_DATA.match(value) is not None and value.partition(",")[2] in self.inline)


def _tokens(decoded: Any) -> bool:
    """Whether what is asked is given as token numbers, as embeddings and plain completions allow."""
    if not isinstance(decoded, dict):
        return False
    for name in ("input", "prompt"):
        said = decoded.get(name)
        if isinstance(said, list) and said and isinstance(said[0], int | list):
            return True
    return False
