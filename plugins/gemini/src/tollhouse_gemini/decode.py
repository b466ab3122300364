"""Reads requests into the neutral form: conversations."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.neutral import Chat, Format, Tool

from .content import read_content, read_system
from .fields import Fields
from .ids import Calls
from .schema import from_gemini

_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_encode = msgspec.json.Encoder().encode


def read_chat(raw: bytes) -> Chat:
    """The whole of a `generateContent` request. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    fields.raw("model")
    if not fields.has("contents"):
        fields.need("contents", list)
    calls = Calls()
    messages = [read_content(item, path, calls) for path, item in fields.items("contents")]
    at = fields.at("systemInstruction")
    if (system := fields.raw("systemInstruction")) is not None:
        messages.insert(0, read_system(system, at))
    chat = Chat(messages=messages, tools=_tools(fields), tool_choice=_tool_choice(fields))
    _settings(fields.within("generationConfig"), chat)
    chat.extra = fields.extra()
    return chat


def _settings(config: Fields, chat: Chat) -> None:
    chat.max_output = config.take("maxOutputTokens", int)
    chat.temperature = config.take("temperature", float)
    chat.top_p = config.take("topP", float)
    top_k = config.take("topK", float)
    chat.top_k = None if top_k is None else int(top_k)
    chat.stop = config.take("stopSequences", list[str]) or []
    chat.seed = config.take("seed", int)
    chat.n = config.take("candidateCount", int) or 1
    chat.format = _format(config)
    thinking = config.within("thinkingConfig")
    if (level := thinking.take("thinkingLevel", str)) is not None:
        if level.upper() == "THINKING_LEVEL_UNSPECIFIED":
            thinking.put_back("thinkingLevel", Raw(_encode(level)))
        else:
            chat.effort = level.lower()
    budget = thinking.take("thinkingBudget", int)
    if budget is not None and budget < 0:  # -1 leaves it to the model
        thinking.put_back("thinkingBudget", Raw(_encode(budget)))
    else:
        chat.thinking_budget = budget


def _tools(fields: Fields) -> list[Tool]:
    """The functions; tools that Google runs itself stay among the leftovers, as a list."""
    tools: list[Tool] = []
    others: list[dict[str, Raw]] = []
    for path, item in fields.items("tools"):
        group = Fields(item, path)
        for at, declaration in group.items("functionDeclarations"):
            tools.append(_tool(Fields(declaration, at)))
        if left := group.left():
            others.append(left)
    if others:
        fields.put_back("tools", Raw(_encode(others)))
    return tools


def _tool(function: Fields) -> Tool:
    own = function.raw("parameters")
    schema = function.raw("parametersJsonSchema")
    if own is not None and schema is not None:
        raise Rejected("A function has either `parameters` or `parametersJsonSchema`.", param="tools")
    if own is not None:
        schema = from_gemini(own, function.at("parameters"))
    at = function.at("description")
    tool = Tool(
        name=function.need("name", str),
        description=function.take("description", str) or "",
        schema=schema or Raw(b"{}"),
        path=at,
    )
    tool.extra = function.extra()
    return tool


def _tool_choice(fields: Fields) -> str | None:
    """`ANY` with one allowed name is that tool; what else a list of names means stays among the leftovers."""
    config = fields.within("toolConfig").within("functionCallingConfig")
    mode = config.take("mode", str) or ""
    names = config.raw("allowedFunctionNames")
    choice = _MODES.get(mode.upper())
    allowed = msgspec.json.decode(names) if names is not None else []
    if choice == "required" and isinstance(allowed, list) and len(allowed) == 1 and isinstance(allowed[0], str):
        return f"tool:{allowed[0]}"
    if names is not None:
        config.put_back("allowedFunctionNames", names)
    if choice is None and mode:
        config.put_back("mode", Raw(_encode(mode)))
    return choice


def _format(config: Fields) -> Format | None:
    """Structured output; other media types than JSON stay among the leftovers."""
    media_type = config.take("responseMimeType", str)
    if media_type != "application/json":
        if media_type is not None:
            config.put_back("responseMimeType", Raw(_encode(media_type)))
        return None
    at = config.at("responseSchema")
    own, schema = config.raw("responseSchema"), config.raw("responseJsonSchema")
    if own is not None and schema is None:
        schema = from_gemini(own, at)
    return Format(kind="schema", schema=schema) if schema is not None else Format(kind="json")
