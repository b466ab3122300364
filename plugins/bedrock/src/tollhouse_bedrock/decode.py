"""Reads requests into the neutral form."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from tollhouse.json_fields import Fields, convert, read
from tollhouse.neutral import Chat, Format, Tool

from .content import read_message, read_system
from .marks import POINT, mark
from .name import NAME

MORE = "additionalModelRequestFields"
"""What a model takes beyond what all of them do, in its own words."""

_encode = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder()


def read_chat(raw: bytes) -> Chat:
    """The whole of a Converse request. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw)
    config, more = fields.within("inferenceConfig"), fields.within(MORE)
    output = fields.within("outputConfig")
    tools, choice = _tools(fields)
    chat = Chat(
        messages=[*read_system(fields), *(read_message(Fields(item, path)) for path, item in fields.items("messages"))],
        tools=tools,
        tool_choice=choice,
        max_output=config.take("maxTokens", int),
        temperature=config.take("temperature", float),
        top_p=config.take("topP", float),
        top_k=more.take("top_k", int),
        stop=config.take("stopSequences", list[str]) or [],
        format=_format(output),
        thinking_budget=_thinking(more),
        effort=_effort(output, more),
    )
    chat.extra = fields.extra_of(NAME)
    return chat


def _tools(fields: Fields) -> tuple[list[Tool], str | None]:
    """The caller's tools and the choice among them; tools that Bedrock runs stay among the leftovers."""
    config = fields.within("toolConfig")
    tools: list[Tool] = []
    others: list[Raw] = []
    for path, item in config.items("tools"):
        one = Fields(item, path)
        point = one.raw(POINT)
        if point is not None and mark(tools[-1] if tools else None, point):
            continue
        if not one.has("toolSpec"):
            others.append(item)
            continue
        spec = one.within("toolSpec")
        tool = Tool(
            name=spec.need("name", str),
            description=spec.take("description", str) or "",
            schema=spec.within("inputSchema").raw("json") or Raw(b"{}"),
            strict=spec.take("strict", bool),
            path=(*spec.path, "description"),
        )
        tool.extra = one.extra_of(NAME)
        tools.append(tool)
    if others:
        config.put_back("tools", Raw(_encode(others)))
    return tools, _tool_choice(config)


def _tool_choice(config: Fields) -> str | None:
    said = config.within("toolChoice")
    for name, word in (("auto", "auto"), ("any", "required")):
        if said.has(name):
            said.raw(name)
            return word
    return f"tool:{said.within('tool').need('name', str)}" if said.has("tool") else None


def _format(output: Fields) -> Format | None:
    """A JSON schema to keep to, which stands there as text."""
    if not output.has("textFormat"):
        return None
    said = output.within("textFormat")
    kind = said.take("type", str)
    structure = said.within("structure")
    if kind != "json_schema" or not structure.has("jsonSchema"):
        said.put_back("type", Raw(_encode(kind)))
        return None
    schema = structure.within("jsonSchema")
    text = schema.need("schema", str).encode()
    read(text, _any, (*schema.path, "schema"))
    return Format(kind="schema", name=schema.take("name", str) or "", schema=Raw(text), strict=True)


def _thinking(more: Fields) -> int | None:
    """Claude's budget, 0 when thinking is off; other modes, which have none, stay among the leftovers."""
    for name in ("thinking", "reasoning_config"):
        raw = more.raw(name)
        if raw is None:
            continue
        if memoryview(raw)[0] == ord("{"):
            said = Fields(raw, (*more.path, name))
            kind = said.take("type", str)
            budget = said.take("budget_tokens", int) if kind == "enabled" else 0 if kind == "disabled" else None
            if budget is not None and not said.left():
                return budget
        more.put_back(name, raw)
    return None


def _effort(output: Fields, more: Fields) -> str | None:
    """The effort, in whichever of the models' words: each is read unless another was."""
    if output.has("effort"):
        return output.take("effort", str)
    if more.has("output_config"):
        return more.within("output_config").take("effort", str)
    for name in ("reasoning_effort", "reasoning_config"):
        raw = more.raw(name)
        if raw is not None and memoryview(raw)[0] == ord('"'):
            return convert(raw, str, (*more.path, name))
        if raw is not None:
            more.put_back(name, raw)
    return None
