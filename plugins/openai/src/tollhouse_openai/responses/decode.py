"""Reads requests into the neutral form."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from tollhouse.json_fields import Fields, convert
from tollhouse.neutral import Chat, Format, Message, Text, Tool

from .items import read_input
from .name import NAME

_encode = msgspec.json.Encoder().encode
_CHOICES = ("auto", "none", "required")


def read_chat(raw: bytes) -> Chat:
    """The whole of a request. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    for name in ("model", "stream"):
        fields.raw(name)
    limit = fields.take("max_output_tokens", int)
    chat = Chat(
        messages=[*_instructions(fields), *read_input(fields)],
        tools=_tools(fields),
        tool_choice=_tool_choice(fields),
        parallel_tools=fields.take("parallel_tool_calls", bool),
        max_output=limit if limit is None or limit >= 0 else None,
        temperature=fields.take("temperature", float),
        top_p=fields.take("top_p", float),
        format=_format(fields.within("text")),
        effort=fields.within("reasoning").take("effort", str),
        user=fields.take("user", str) or "",
    )
    chat.extra = fields.extra_of(NAME)
    return chat


def _instructions(fields: Fields) -> list[Message]:
    raw = fields.raw("instructions")
    if raw is None:
        return []
    path = ("instructions",)
    return [Message(role="system", parts=[Text(text=convert(raw, str, path), path=path)], path=path)]


def _tools(fields: Fields) -> list[Tool]:
    """The functions; tools of other kinds stay among the leftovers, as a list."""
    tools: list[Tool] = []
    others: list[Raw] = []
    for path, item in fields.items("tools"):
        tool = Fields(item, path)
        if tool.need("type", str) != "function":
            others.append(item)
            continue
        read = Tool(
            name=tool.need("name", str),
            description=tool.take("description", str) or "",
            schema=tool.raw("parameters") or Raw(b"{}"),
            strict=tool.take("strict", bool),
            path=(*path, "description"),
        )
        read.extra = tool.extra_of(NAME)
        tools.append(read)
    if others:
        fields.put_back("tools", Raw(_encode(others)))
    return tools


def _tool_choice(fields: Fields) -> str | None:
    raw = fields.raw("tool_choice")
    if raw is None:
        return None
    said = convert(raw, object, ("tool_choice",))
    if isinstance(said, str) and said in _CHOICES:
        return said
    match said:
        case {"type": "function", "name": str(name), **rest} if not rest:
            return f"tool:{name}"
    fields.put_back("tool_choice", raw)
    return None


def _format(text: Fields) -> Format | None:
    raw = text.raw("format")
    if raw is None:
        return None
    said = Fields(raw, ("text", "format"))
    kind = said.take("type", str)
    if kind == "text" and not said.left():
        return None
    if kind == "json_object" and not said.left():
        return Format(kind="json")
    if kind != "json_schema":
        text.put_back("format", raw)
        return None
    format_ = Format(
        kind="schema",
        name=said.take("name", str) or "",
        schema=said.raw("schema") or Raw(b"{}"),
        strict=said.take("strict", bool),
    )
    if left := said.left():
        text.put_back("format", Raw(_encode(left)))
    return format_
