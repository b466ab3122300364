"""Reads requests into the neutral form: chat completions and embeddings."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from tollhouse.json_fields import Fields, convert, wrong
from tollhouse.neutral import Chat, Embed, Format, Tool

from .content import read_message
from .name import NAME

_encode = msgspec.json.Encoder().encode


def read_chat(raw: bytes) -> Chat:
    """The whole of a chat completion request. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    if not fields.has("messages"):
        fields.need("messages", list)
    for name in ("model", "stream"):
        fields.raw(name)
    options = fields.within("stream_options")
    options.raw("include_usage")
    limit, old_limit = fields.take("max_completion_tokens", int), fields.take("max_tokens", int)
    if limit is None:
        limit = old_limit
    chat = Chat(
        messages=[read_message(Fields(item, path)) for path, item in fields.items("messages")],
        tools=_tools(fields),
        tool_choice=_tool_choice(fields),
        parallel_tools=fields.take("parallel_tool_calls", bool),
        max_output=limit if limit is None or limit >= 0 else None,
        temperature=fields.take("temperature", float),
        top_p=fields.take("top_p", float),
        top_k=fields.take("top_k", int),
        stop=read_stop(fields),
        seed=fields.take("seed", int),
        n=fields.take("n", int) or 1,
        format=_format(fields),
        effort=fields.take("reasoning_effort", str),
        user=fields.take("user", str) or "",
    )
    chat.extra = fields.extra_of(NAME)
    return chat


def read_embed(raw: bytes) -> Embed:
    """The whole of an embeddings request. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    fields.raw("model")
    embed = Embed(
        inputs=_inputs(fields),
        dimensions=fields.take("dimensions", int),
        encoding=fields.take("encoding_format", str) or "float",
        user=fields.take("user", str) or "",
    )
    embed.extra = fields.extra_of(NAME)
    return embed


def _tools(fields: Fields) -> list[Tool]:
    """The functions; tools that the host runs itself stay among the leftovers, as a list."""
    tools: list[Tool] = []
    others: list[Raw] = []
    for path, item in fields.items("tools"):
        tool = Fields(item, path)
        if tool.take("type", str) not in (None, "function"):
            others.append(item)
            continue
        function = tool.within("function")
        read = Tool(
            name=function.need("name", str),
            description=function.take("description", str) or "",
            schema=function.raw("parameters") or Raw(b"{}"),
            strict=function.take("strict", bool),
            path=(*path, "function", "description"),
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
    words = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
    if isinstance(said, str) and said in words:
        return words[said]
    match said:
        case {"type": "function", "function": {"name": str(name), **more}, **rest} if not more and not rest:
            return f"tool:{name}"
    fields.put_back("tool_choice", raw)
    return None


def read_stop(fields: Fields) -> list[str]:
    """Where to stop: one text, or several."""
    raw = fields.raw("stop")
    if raw is None:
        return []
    said = convert(raw, str | list[str], ("stop",))  # type: ignore[arg-type]  # a union is a type to msgspec
    return [said] if isinstance(said, str) else list(said)


def _format(fields: Fields) -> Format | None:
    raw = fields.raw("response_format")
    if raw is None:
        return None
    said = Fields(raw, ("response_format",))
    kind = said.take("type", str)
    if kind == "json_object" and not said.left():
        return Format(kind="json")
    if kind != "json_schema":
        fields.put_back("response_format", raw)
        return None
    schema = said.within("json_schema")
    format_ = Format(
        kind="schema",
        name=schema.take("name", str) or "",
        schema=schema.raw("schema") or Raw(b"{}"),
        strict=schema.take("strict", bool),
    )
    if left := said.left():
        fields.put_back("response_format", Raw(_encode(left)))
    return format_


def _inputs(fields: Fields) -> list[str] | list[list[int]]:
    raw = fields.raw("input")
    if raw is None:
        fields.need("input", str)
        return []
    said = convert(raw, str | list[str | int | list[int]], ("input",))  # type: ignore[arg-type]
    if isinstance(said, str):
        return [said]
    if said and all(isinstance(item, int) for item in said):
        return [said]
    if all(isinstance(item, str) for item in said) or all(isinstance(item, list) for item in said):
        return list(said)
    raise wrong("Expected `one kind of input`, got `several`", ("input",))
