"""Writes requests of any dialect as `generateContent` and `batchEmbedContents`, with a receipt for what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse import Receipt, Request
from tollhouse.neutral import Chat, Format, Tool

from .fields import NAME, merge, note_extra
from .schema import to_gemini
from .thinking import thinking_config
from .turns import Turns

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_encode = msgspec.json.Encoder().encode


def write_chat(chat: Chat, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A request to generate content. Model and stream mode stand in the address."""
    receipt = Receipt()
    own = request.dialect.name == NAME
    turns = Turns(chat.messages, own, model, receipt)
    body: dict[str, Any] = {"contents": turns.contents}
    if turns.system is not None:
        body["systemInstruction"] = turns.system
    if chat.tools:
        declarations = [_tool(tool, f"tools[{n}]", receipt) for n, tool in enumerate(chat.tools)]
        body["tools"] = [{"functionDeclarations": declarations}]
    if chat.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _tool_choice(chat.tool_choice)}
    if config := _config(chat, model, own, receipt):
        body["generationConfig"] = config
    if chat.parallel_tools is not None:
        receipt.note("dropped", "parallel_tools", "generateContent cannot choose it")
    if chat.user:
        receipt.note("dropped", "user", "generateContent knows no end users")
    note_extra(chat.extra, "", receipt)
    return _encode(merge(body, chat.extra)), receipt


def _config(chat: Chat, model: str, own: bool, receipt: Receipt) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, value in (
        ("maxOutputTokens", chat.max_output),
        ("temperature", chat.temperature),
        ("topP", chat.top_p),
        ("topK", chat.top_k),
        ("stopSequences", chat.stop or None),
        ("seed", chat.seed),
        ("candidateCount", chat.n if chat.n != 1 else None),
    ):
        if value is not None:
            config[name] = value
    if chat.format is not None:
        config |= _format(chat.format, receipt)
    if thinking := thinking_config(chat, model, own, receipt):
        config["thinkingConfig"] = thinking
    return config


def _tool(tool: Tool, at: str, receipt: Receipt) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if bytes(tool.schema) != b"{}":
        function["parametersJsonSchema"] = to_gemini(tool.schema)
    if tool.strict:
        receipt.note("dropped", f"{at}.strict", "functions have no such field")
    note_extra(tool.extra, at, receipt)
    return merge(function, tool.extra)


def _tool_choice(choice: str) -> dict[str, Any]:
    if choice.startswith("tool:"):
        return {"mode": "ANY", "allowedFunctionNames": [choice.removeprefix("tool:")]}
    return {"mode": _MODES.get(choice, "AUTO")}


def _format(format_: Format, receipt: Receipt) -> dict[str, Any]:
    """JSON, by a schema if there is one; Gemini always holds to it."""
    if format_.name:
        receipt.note("dropped", "format.name", "a schema has no name")
    if format_.strict is False:
        receipt.note("approximated", "format.strict", "a schema is always held to")
    if format_.kind == "json":
        return {"responseMimeType": "application/json"}
    return {"responseMimeType": "application/json", "responseJsonSchema": to_gemini(format_.schema)}
