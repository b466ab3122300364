"""Writes requests of any dialect as requests for a response, with a receipt for what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt, Rejected, Request
from tollhouse.json_fields import merge
from tollhouse.neutral import Chat, Extra, Format, Message, Text, Tool

from ..cousins import carried, is_cousin
from ..efforts import effort_of
from ..name import NAME as CHAT
from .name import NAME
from .turns import Turns

_encode = msgspec.json.Encoder().encode


def write_chat(chat: Chat, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A request for a response of `model`, in the stream mode of `request`. Raises `Rejected` (400) for more than
    one choice."""
    if chat.n > 1:
        raise Rejected(
            f"`n` is {chat.n}, but the model `{request.model[:100]}` is asked for a response, which is one answer a "
            "request. Send the request several times.",
            code="unsupported_parameter",
            param="n",
        )
    receipt = Receipt()
    own = request.dialect.name == NAME
    body: dict[str, Any] = {"model": model}
    messages = chat.messages
    if messages and (instructions := _instructions(messages[0])) is not None:
        body["instructions"] = instructions
        messages = messages[1:]
    body["input"] = Turns(own, receipt).write(messages)
    if request.stream:
        body["stream"] = True
    if not own:
        body["store"] = False  # a caller of another dialect did not ask for anything to be kept
    if chat.tools:
        body["tools"] = [_tool(tool, n, own, receipt) for n, tool in enumerate(chat.tools)]
    if chat.tool_choice is not None:
        body["tool_choice"] = _tool_choice(chat.tool_choice)
    if chat.format is not None:
        body["text"] = {"format": _format(chat.format, own)}
    if (effort := effort_of(chat, model, is_cousin(request.dialect.name), receipt)) is not None:
        body["reasoning"] = {"effort": effort}
    for name, value in (
        ("parallel_tool_calls", chat.parallel_tools),
        ("max_output_tokens", chat.max_output),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("user", chat.user or None),
    ):
        if value is not None:
            body[name] = value
    for name, lost in (
        ("top_k", chat.top_k is not None),
        ("stop", bool(chat.stop)),
        ("seed", chat.seed is not None),
    ):
        if lost:
            receipt.note("dropped", name, "responses have no such parameter")
    _write_extra(body, chat.extra, receipt)
    return _encode(body), receipt


def _instructions(message: Message) -> str | None:
    match message:
        case Message(path=("instructions",), parts=[Text(text=text)]):
            return text
    return None


def _write_extra(body: dict[str, Any], extra: Extra | None, receipt: Receipt) -> None:
    if extra is None:
        return
    if extra.dialect == NAME:
        merge(body, extra, NAME)
        return
    known = carried(extra)
    body |= known
    for name, raw in extra.fields.items():
        if name == "verbosity" and extra.dialect == CHAT:
            body.setdefault("text", {})["verbosity"] = raw
        elif name == "store" and extra.dialect == CHAT and bytes(raw) == b"false":
            pass  # nothing is kept anyway
        elif name not in known:
            receipt.note("dropped", name, f"known to {extra.dialect} only")


def _tool(tool: Tool, number: int, own: bool, receipt: Receipt) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "function", "name": tool.name, "parameters": tool.schema}
    if tool.description:
        written["description"] = tool.description
    if tool.strict is not None or not own:
        written["strict"] = bool(tool.strict)  # unsaid it is true here and false elsewhere
    if tool.extra is not None and tool.extra.dialect != NAME:
        for name in tool.extra.fields:
            receipt.note("dropped", f"tools[{number}].{name}", f"known to {tool.extra.dialect} only")
    return merge(written, tool.extra, NAME)


def _tool_choice(choice: str) -> Any:
    if choice.startswith("tool:"):
        return {"type": "function", "name": choice.removeprefix("tool:")}
    return choice


def _format(format_: Format, own: bool) -> dict[str, Any]:
    """A schema must have a name here."""
    if format_.kind == "json":
        return {"type": "json_object"}
    said: dict[str, Any] = {"type": "json_schema", "schema": Raw(format_.schema)}
    if format_.name or not own:
        said["name"] = format_.name or "reply"
    if format_.strict is not None:
        said["strict"] = format_.strict
    return said
