"""Writes requests of any dialect as Converse requests, with a receipt for what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt, Rejected, Request
from tollhouse.neutral import Chat, Tool, ToolCall

from .blocks import Blocks
from .decode import MORE
from .families import may_cache
from .name import NAME
from .reasoning import write_reasoning, write_sampling
from .turns import Turns

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any])


def write_chat(chat: Chat, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A Converse request for `model`, whose name and stream mode stand in the address. Raises `Rejected` (400) for
    more than one choice."""
    if chat.n > 1:
        raise Rejected(
            f"`n` is {chat.n}, but the model `{request.model[:100]}` is served by Amazon Bedrock, which gives one "
            "answer a request. Send the request several times.",
            code="unsupported_parameter",
            param="n",
        )
    receipt = Receipt()
    own = request.dialect.name == NAME
    blocks = Blocks(request.dialect.name, model, may_cache(model), receipt)
    body = Turns(blocks, receipt).write(chat.messages)
    more = _own_more(chat) if own else write_reasoning(chat, model, receipt)
    config = _own_sampling(chat) if own else write_sampling(chat, model, more, receipt)
    if chat.max_output is not None:
        config["maxTokens"] = chat.max_output
    if stop := _stop(chat, own, receipt):
        config["stopSequences"] = stop
    if config:
        body["inferenceConfig"] = config
    if tools := _tool_config(chat, blocks, own, receipt):
        body["toolConfig"] = tools
    if more:
        body[MORE] = more
    _write_format(body, chat, own, receipt)
    _note_unsaid(chat, receipt)
    return _encode(blocks.extended(body, chat.extra, "")), receipt


def _own_more(chat: Chat) -> dict[str, Any]:
    """What a caller of this dialect asks of the model in its own words."""
    more: dict[str, Any] = {"top_k": chat.top_k} if chat.top_k is not None else {}
    if chat.thinking_budget is not None:
        on = {"type": "enabled", "budget_tokens": chat.thinking_budget}
        more["thinking"] = on if chat.thinking_budget else {"type": "disabled"}
    if chat.effort is not None:
        more["output_config"] = {"effort": chat.effort}
    return more


def _own_sampling(chat: Chat) -> dict[str, Any]:
    said = {"temperature": chat.temperature, "topP": chat.top_p}
    return {name: value for name, value in said.items() if value is not None}


def _tool_config(chat: Chat, blocks: Blocks, own: bool, receipt: Receipt) -> dict[str, Any]:
    """The tools and the choice. Bedrock wants to know every tool that was called before."""
    tools = chat.tools
    called = dict.fromkeys(part.name for m in chat.messages for part in m.parts if isinstance(part, ToolCall))
    if not own and not tools and called:
        tools = [Tool(name=name) for name in called]
        receipt.note("approximated", "tools", "those called before are declared, as Bedrock requires")
    if not own and chat.tool_choice == "none" and tools:
        if called:
            receipt.note("dropped", "tool_choice", "Converse cannot forbid tools once one was called")
        else:
            receipt.note("approximated", "tool_choice", "the tools are left out, which forbids them")
            return {}
    written: list[Any] = []
    for n, tool in enumerate(tools):
        written.append(_tool(tool, n, own, blocks))
        written += blocks.points(tool.extra, f"tools[{n}]")
    config: dict[str, Any] = {"tools": written} if written else {}
    if chat.tool_choice is not None and chat.tool_choice != "none":
        if not own and not chat.tools:
            receipt.note("dropped", "tool_choice", "there are no tools")
        else:
            config["toolChoice"] = _choice(chat.tool_choice)
    elif chat.tool_choice == "none" and not tools:
        receipt.note("dropped", "tool_choice", "there are no tools")
    return config


def _tool(tool: Tool, number: int, own: bool, blocks: Blocks) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": tool.schema if own else _schema(tool.schema)}
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return blocks.extended({"toolSpec": spec}, tool.extra, f"tools[{number}]")


def _choice(choice: str) -> dict[str, Any]:
    if choice.startswith("tool:"):
        return {"tool": {"name": choice.removeprefix("tool:")}}
    return {"any": {}} if choice == "required" else {"auto": {}}


def _schema(raw: Raw) -> Raw | dict[str, Any]:
    """A schema that says that arguments are an object, which Bedrock wants to read and others leave out."""
    try:
        said = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw
    return raw if "type" in said else {"type": "object", **said}


def _stop(chat: Chat, own: bool, receipt: Receipt) -> list[str]:
    """The stop sequences; blank ones are refused."""
    kept = []
    for n, text in enumerate(chat.stop):
        if own or text.strip():
            kept.append(text)
        else:
            receipt.note("dropped", f"stop[{n}]", "it is blank")
    return kept


def _write_format(body: dict[str, Any], chat: Chat, own: bool, receipt: Receipt) -> None:
    if chat.format is None:
        return
    if chat.format.kind == "json":
        receipt.note("dropped", "format", "JSON can be asked for by a schema only")
        return
    schema: dict[str, Any] = {"schema": bytes(chat.format.schema).decode()}
    if chat.format.name:
        schema["name"] = chat.format.name
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    if not own and not chat.format.strict:
        receipt.note("approximated", "format.strict", "a schema is always kept to")


def _note_unsaid(chat: Chat, receipt: Receipt) -> None:
    """What Converse has no field for."""
    if chat.parallel_tools is not None:
        receipt.note("dropped", "parallel_tools", "Converse cannot choose it")
    if chat.seed is not None:
        receipt.note("dropped", "seed", "Converse has no seed")
    if chat.user:
        receipt.note("dropped", "user", "Converse knows no end users")
