"""Reads requests into the neutral form."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from tollhouse.json_fields import Fields, convert
from tollhouse.neutral import Chat, Format, Tool

from .content import read_message, read_system
from .name import NAME

_encode = msgspec.json.Encoder().encode


def read_chat(raw: bytes) -> Chat:
    """The whole of a messages request, or of one that asks for its tokens. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    if not fields.has("messages"):
        fields.need("messages", list)
    for name in ("model", "stream"):
        fields.raw(name)
    choice, parallel = _tool_choice(fields)
    config = fields.within("output_config")
    chat = Chat(
        messages=[*read_system(fields), *(read_message(Fields(item, path)) for path, item in fields.items("messages"))],
        tools=_tools(fields),
        tool_choice=choice,
        parallel_tools=parallel,
        max_output=fields.take("max_tokens", int),
        temperature=fields.take("temperature", float),
        top_p=fields.take("top_p", float),
        top_k=fields.take("top_k", int),
        stop=fields.take("stop_sequences", list[str]) or [],
        format=_format(config, "format") or _format(fields, "output_format"),
        effort=config.take("effort", str),
        thinking_budget=_thinking(fields),
        user=fields.within("metadata").take("user_id", str) or "",
    )
    chat.extra = fields.extra_of(NAME)
    return chat


def _tools(fields: Fields) -> list[Tool]:
    """The caller's tools; those that Anthropic runs or defines stay among the leftovers, as a list."""
    tools: list[Tool] = []
    others: list[Raw] = []
    for path, item in fields.items("tools"):
        tool = Fields(item, path)
        if tool.take("type", str) not in (None, "custom"):
            others.append(item)
            continue
        read = Tool(
            name=tool.need("name", str),
            description=tool.take("description", str) or "",
            schema=tool.raw("input_schema") or Raw(b"{}"),
            strict=tool.take("strict", bool),
            path=(*path, "description"),
        )
        read.extra = tool.extra_of(NAME)
        tools.append(read)
    if others:
        fields.put_back("tools", Raw(_encode(others)))
    return tools


def _tool_choice(fields: Fields) -> tuple[str | None, bool | None]:
    """The choice, and whether several calls at once are welcome."""
    raw = fields.raw("tool_choice")
    if raw is None:
        return None, None
    said = Fields(raw, ("tool_choice",))
    kind = said.need("type", str)
    words = {"auto": "auto", "none": "none", "any": "required"}
    if kind not in (*words, "tool"):
        fields.put_back("tool_choice", raw)
        return None, None
    choice = words.get(kind) or f"tool:{said.need('name', str)}"
    single = said.take("disable_parallel_tool_use", bool)
    if left := said.left():
        fields.put_back("tool_choice", Raw(_encode(left)))
    return choice, None if single is None else not single


def _thinking(fields: Fields) -> int | None:
    """The budget, 0 when thinking is off; other modes, which have none, stay among the leftovers."""
    raw = fields.raw("thinking")
    if raw is None:
        return None
    said = Fields(raw, ("thinking",))
    kind = said.take("type", str)
    if kind == "enabled":
        budget = said.need("budget_tokens", int)
    elif kind == "disabled":
        budget = 0
    else:
        fields.put_back("thinking", raw)
        return None
    if left := said.left():
        fields.put_back("thinking", Raw(_encode(left)))
    return budget


def _format(fields: Fields, name: str) -> Format | None:
    """A JSON schema to keep to; `output_format` is where it stood during the beta."""
    raw = fields.raw(name)
    if raw is None:
        return None
    said = Fields(raw, (*fields.path, name))
    kind = convert(said.raw("type") or Raw(b'""'), str, (*said.path, "type"))
    schema = said.raw("schema")
    if kind != "json_schema" or schema is None or said.left():
        fields.put_back(name, raw)
        return None
    return Format(kind="schema", schema=schema, strict=True)
