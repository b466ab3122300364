"""Writes requests of any dialect as messages requests, with a receipt for what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt, Rejected, Request
from tollhouse.neutral import Chat, Tool

from .extras import write_extra
from .name import NAME
from .reasoning import write_reasoning, write_sampling
from .turns import Turns

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any])


def write_chat(chat: Chat, request: Request, model: str, default: int) -> tuple[bytes, Receipt]:
    """A messages request asking `model`, in the stream mode of `request`; `default` is the `max_tokens` of a
    caller who names none. Raises `Rejected` (400) for more than one choice."""
    if chat.n > 1:
        raise Rejected(
            f"`n` is {chat.n}, but the model `{request.model[:100]}` is served by Anthropic's API, which gives one "
            "answer a request. Send the request several times.",
            code="unsupported_parameter",
            param="n",
        )
    receipt = Receipt()
    own = request.dialect.name == NAME
    body: dict[str, Any] = {"model": model, "max_tokens": default if chat.max_output is None else chat.max_output}
    if chat.max_output is None and request.task == "chat":
        receipt.note("approximated", "max_output", "Anthropic requires one; the gateway's default is asked for")
    if request.task == "count":
        del body["max_tokens"]
    body |= Turns(own, receipt).write(chat.messages)
    if request.stream:
        body["stream"] = True
    if chat.tools:
        body["tools"] = [_tool(tool, n, own, receipt) for n, tool in enumerate(chat.tools)]
    _write_choice(body, chat, own, receipt)
    if stop := _stop(chat, own, receipt):
        body["stop_sequences"] = stop
    if chat.user:
        body["metadata"] = {"user_id": chat.user}
    if chat.seed is not None:
        receipt.note("dropped", "seed", "messages have no seed")
    _write_format(body, chat, own, receipt)
    if own:
        _write_own(body, chat)
    else:
        write_reasoning(body, chat, model, default, receipt)
        write_sampling(body, chat, model, receipt)
    return _encode(write_extra(body, chat.extra, "", receipt)), receipt


def _write_own(body: dict[str, Any], chat: Chat) -> None:
    """What a caller of this dialect asks for in its own words."""
    for name, value in (("temperature", chat.temperature), ("top_p", chat.top_p), ("top_k", chat.top_k)):
        if value is not None:
            body[name] = value
    if chat.effort is not None:
        body.setdefault("output_config", {})["effort"] = chat.effort
    if chat.thinking_budget is not None:
        on = {"type": "enabled", "budget_tokens": chat.thinking_budget}
        body["thinking"] = on if chat.thinking_budget else {"type": "disabled"}


def _tool(tool: Tool, number: int, own: bool, receipt: Receipt) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    written["input_schema"] = tool.schema if own else _schema(tool.schema)
    if tool.strict is not None:
        written["strict"] = tool.strict
    return write_extra(written, tool.extra, f"tools[{number}]", receipt)


def _schema(raw: Raw) -> Raw | dict[str, Any]:
    """A schema that says that arguments are an object, as Anthropic wants to read and others leave out."""
    try:
        said = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw
    return raw if "type" in said else {"type": "object", **said}


def _write_choice(body: dict[str, Any], chat: Chat, own: bool, receipt: Receipt) -> None:
    choice, parallel = chat.tool_choice, chat.parallel_tools
    if choice is None and parallel is None:
        return
    if not own and not chat.tools:
        for name, value in (("tool_choice", choice), ("parallel_tools", parallel)):
            if value is not None:
                receipt.note("dropped", name, "there are no tools")
        return
    said: dict[str, Any]
    if choice is not None and choice.startswith("tool:"):
        said = {"type": "tool", "name": choice.removeprefix("tool:")}
    else:
        said = {"type": "any" if choice == "required" else choice or "auto"}
    if parallel is not None and said["type"] == "none":
        receipt.note("dropped", "parallel_tools", "no tool may be called")
    elif parallel is not None:
        said["disable_parallel_tool_use"] = not parallel
    body["tool_choice"] = said


def _stop(chat: Chat, own: bool, receipt: Receipt) -> list[str]:
    """The stop sequences; Anthropic refuses blank ones."""
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
    body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": chat.format.schema}
    if chat.format.name:
        receipt.note("dropped", "format.name", "formats have no name here")
    if not own and not chat.format.strict:
        receipt.note("approximated", "format.strict", "a schema is always kept to")
