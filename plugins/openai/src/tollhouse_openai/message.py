"""What one message, or one delta of a message, of a reply says."""

from __future__ import annotations

from typing import Any

from tollhouse.neutral import Happening, Path

from .parts import Parts

MIRRORS = ("reasoning", "reasoning_content", "reasoning_details")
"""Fields in which hosts repeat the same thoughts."""


def read_message(out: list[Happening], parts: Parts, message: dict[str, Any], path: Path) -> None:
    """Append the events of a message or delta at `path`, thoughts first, then text, refusal and calls."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(thought := message.get(name), str) and thought:
            parts.say(out, "thinking", thought, (*path, name))
            break
    content = message.get("content")
    if isinstance(content, str):
        parts.say(out, "text", content, (*path, "content"))
    elif isinstance(content, list):
        _read_content(out, parts, content, (*path, "content"))
    audio = message.get("audio")
    if isinstance(audio, dict) and isinstance(spoken := audio.get("transcript"), str):
        parts.say(out, "text", spoken, (*path, "audio", "transcript"))
    if isinstance(refusal := message.get("refusal"), str):
        parts.say(out, "refusal", refusal, (*path, "refusal"))
    calls = message.get("tool_calls")
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            _read_call(out, parts, call, place, (*path, "tool_calls", place))
    if isinstance(function := message.get("function_call"), dict):
        at, name, arguments = (
            (*path, "function_call", "arguments"),
            _text(function, "name"),
            _text(function, "arguments"),
        )
        if name or arguments:  # some hosts write every field, empty where there is nothing
            parts.call(out, "function_call", "", name, arguments, at)


def _read_content(out: list[Happening], parts: Parts, content: list[Any], path: Path) -> None:
    """Content as a list: text parts, and Mistral's thinking parts that hold text parts themselves."""
    for place, item in enumerate(content):
        if not isinstance(item, dict):
            continue
        if item.get("type") == "thinking" and isinstance(thoughts := item.get("thinking"), list):
            for n, thought in enumerate(thoughts):
                if isinstance(thought, dict):
                    parts.say(out, "thinking", _text(thought, "text"), (*path, place, "thinking", n, "text"))
        elif item.get("type") == "refusal":
            parts.say(out, "refusal", _text(item, "refusal"), (*path, place, "refusal"))
        else:
            parts.say(out, "text", _text(item, "text"), (*path, place, "text"))


def _read_call(out: list[Happening], parts: Parts, call: dict[str, Any], place: int, path: Path) -> None:
    """One tool call; hosts that leave out its index begin a new one with each id."""
    id_ = _text(call, "id")
    key = call.get("index")
    if not isinstance(key, int):
        key = id_ or parts.last_call() or place
    custom, function = call.get("custom"), call.get("function")
    own = isinstance(custom, dict) and (_text(custom, "name") or not isinstance(function, dict))
    kind, said, inner = ("custom", "input", custom) if own else ("function", "arguments", function)
    inner = inner if isinstance(inner, dict) else {}
    parts.call(out, key, id_, _text(inner, "name"), _text(inner, said), (*path, kind, said))


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
