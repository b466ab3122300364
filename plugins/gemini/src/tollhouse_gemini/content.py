"""Reads the contents of a request: each part with its path, what is unknown kept."""

from __future__ import annotations

from typing import Literal

from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_patch import path_words
from tollhouse.neutral import Media, Message, Opaque, Part, Path, Text, Thinking, ToolCall, ToolResult

from .fields import NAME, Fields
from .ids import Calls
from .signatures import own_signature, read_signature
from .structs import packed, result_text

FILES = "https://generativelanguage.googleapis.com/"
"""How the address of a file begins that was uploaded to Gemini; any other is an address of its own."""

_ROLES: dict[str, Literal["user", "assistant"]] = {
    "": "user",
    "user": "user",
    "function": "user",
    "tool": "user",
    "model": "assistant",
    "assistant": "assistant",
}


def read_system(raw: Raw, path: Path) -> Message:
    """The system instruction. Its role means nothing and is left out."""
    fields = Fields(raw, path)
    fields.raw("role")
    parts = _parts(fields, Calls())
    return Message(role="system", parts=parts, path=path, extra=fields.extra())


def read_content(raw: Raw, path: Path, calls: Calls) -> Message:
    """One turn. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw, path)
    role = fields.take("role", str) or ""
    if role not in _ROLES:
        at = path_words(fields.at("role"))
        raise Rejected(f"Unknown role {role[:40]!r} at `{at}`; known: user, model.", param=at)
    parts = _parts(fields, calls)
    only_results = bool(parts) and all(isinstance(part, ToolResult) for part in parts)
    said: Literal["user", "assistant", "tool"] = "tool" if only_results else _ROLES[role]
    return Message(role=said, parts=parts, path=path, extra=fields.extra())


def medium(media_type: str) -> Literal["image", "audio", "video", "document"]:
    """What kind of medium a media type is."""
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
    return "document"


def _parts(fields: Fields, calls: Calls) -> list[Part]:
    parts: list[Part] = []
    for path, raw in fields.items("parts"):
        part = Fields(raw, path)
        signature = read_signature(part.take("thoughtSignature", str) or "")
        read = _part(part, raw, calls)
        before = parts[-1] if parts else None
        if isinstance(read, Opaque):
            pass  # it keeps its own
        elif isinstance(read, Thinking):
            read.signature, read.origin = signature, _origin(signature)
        elif signature and isinstance(read, ToolCall) and isinstance(before, Thinking) and not before.signature:
            before.signature, before.origin = signature, _origin(signature)
        elif signature:
            thought = Thinking(signature=signature, origin=_origin(signature))
            parts += [thought, read] if isinstance(read, ToolCall) else [read, thought]
            continue
        parts.append(read)
    return parts


def _origin(signature: str) -> str:
    """Whose a thought is; another provider's signature does not say."""
    return "" if signature and not own_signature(signature) else NAME


def _part(fields: Fields, raw: Raw, calls: Calls) -> Part:
    part: Part
    if fields.has("text"):
        at = fields.at("text")
        text = fields.need("text", str)
        part = Thinking(text=text, path=at) if fields.take("thought", bool) else Text(text=text, path=at)
    elif fields.has("functionCall"):
        part = _call(fields.within("functionCall"), calls)
    elif fields.has("functionResponse"):
        part = _result(fields.within("functionResponse"), calls)
    elif fields.has("inlineData") or fields.has("fileData"):
        part = _media(fields)
    else:
        kind = next((name for name in fields.names() if name != "thought"), "empty")
        return Opaque(kind=kind, raw=raw, dialect=NAME, path=fields.path)
    part.extra = fields.extra()
    return part


def _call(function: Fields, calls: Calls) -> ToolCall:
    name = function.need("name", str)
    at = function.at("args")
    arguments = function.raw("args")
    id_ = calls.call(name, function.take("id", str) or "")
    return ToolCall(id=id_, name=name, arguments="{}" if arguments is None else bytes(arguments).decode(), path=at)


def _result(function: Fields, calls: Calls) -> ToolResult:
    name = function.need("name", str)
    id_ = calls.result(name, function.take("id", str) or "")
    if not calls.named(id_, name):
        function.put_back("name", Raw(packed(name).encode()))
    at = function.at("response")
    response = function.raw("response")
    if response is not None and memoryview(response)[0] != ord("{"):
        raise Rejected(f"Wrong value for `{path_words(at)}`: expected an object.", param=path_words(at))
    text, error, key = result_text(response) if response is not None else ("", False, "")
    parts: list[Text | Media] = [Text(text=text, path=(*at, key) if key else at)] if response is not None else []
    parts += [_media(Fields(raw, path)) for path, raw in function.items("parts")]
    return ToolResult(call_id=id_, parts=parts, error=error, path=function.path)


def _media(fields: Fields) -> Media:
    """Inline bytes, or a file by its address."""
    if fields.has("fileData"):
        data = fields.within("fileData")
        uri = data.need("fileUri", str)
        media = Media(kind="document", path=fields.path)
        if uri.startswith(FILES):
            media.file_id = uri
        else:
            media.url = uri
    else:
        data = fields.within("inlineData")
        media = Media(kind="document", path=fields.path, inline=data.take("data", str) or "")
    media.media_type = data.take("mimeType", str) or ""
    media.kind = medium(media.media_type)
    media.name = data.take("displayName", str) or ""
    return media
