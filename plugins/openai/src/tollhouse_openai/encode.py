"""Writes requests of any dialect as chat completions and embeddings, with a receipt for what is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt, Request
from tollhouse.json_fields import merge
from tollhouse.neutral import Chat, Embed, Extra, Format, Tool

from .cousins import carried, is_cousin
from .efforts import effort_of
from .name import NAME
from .responses.name import NAME as RESPONSES
from .turns import write_messages

_encode = msgspec.json.Encoder().encode


def write_chat(chat: Chat, request: Request, model: str) -> tuple[bytes, Receipt]:
    """A chat completion request asking `model`, in the stream mode of `request`."""
    receipt = Receipt()
    own = request.dialect.name == NAME
    body: dict[str, Any] = {"model": model, "messages": write_messages(chat.messages, own, receipt)}
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if chat.tools:
        body["tools"] = [_tool(tool, n, receipt) for n, tool in enumerate(chat.tools)]
    if chat.tool_choice is not None:
        body["tool_choice"] = _tool_choice(chat.tool_choice)
    if chat.format is not None:
        body["response_format"] = _format(chat.format, own)
    for name, value in (
        ("parallel_tool_calls", chat.parallel_tools),
        ("max_completion_tokens", chat.max_output),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("stop", chat.stop or None),
        ("seed", chat.seed),
        ("n", chat.n if chat.n != 1 else None),
        ("reasoning_effort", effort_of(chat, model, is_cousin(request.dialect.name), receipt)),
        ("user", chat.user or None),
    ):
        if value is not None:
            body[name] = value
    if chat.top_k is not None:
        if own:
            body["top_k"] = chat.top_k
        else:
            receipt.note("dropped", "top_k", "chat completions have no such parameter")
    _write_extra(body, chat.extra, receipt)
    return _encode(body), receipt


def _write_extra(body: dict[str, Any], extra: Extra | None, receipt: Receipt) -> None:
    """What only its dialect knows of a request; what a cousin of this one calls the same is written too."""
    if extra is None or extra.dialect == NAME:
        merge(body, extra, NAME)
        return
    known = dict(carried(extra))
    if extra.dialect == RESPONSES:
        known |= _of_response(extra)
    body |= known
    told = {"text" if name == "verbosity" else name for name in known}
    kept = {name: raw for name, raw in extra.fields.items() if name not in told and not _says_nothing(name, raw)}
    note_extra(Extra(extra.dialect, kept), "", receipt)


def _of_response(extra: Extra) -> dict[str, Any]:
    """The length of an answer, which a response asks for within its `text`."""
    text = msgspec.json.decode(extra.fields.get("text", b"{}"), type=dict[str, Raw])
    return {"verbosity": text["verbosity"]} if text.keys() == {"verbosity"} else {}


def _says_nothing(name: str, raw: Raw) -> bool:
    """Whether a field asks for what a chat completion does anyway: it keeps nothing."""
    return name == "store" and bytes(raw) == b"false"


def write_embed(embed: Embed, model: str) -> tuple[bytes, Receipt]:
    """An embeddings request asking `model`."""
    receipt = Receipt()
    body: dict[str, Any] = {"model": model, "input": embed.inputs}
    if embed.dimensions is not None:
        body["dimensions"] = embed.dimensions
    if embed.encoding != "float":
        body["encoding_format"] = embed.encoding
    if embed.user:
        body["user"] = embed.user
    note_extra(embed.extra, "", receipt)
    return _encode(merge(body, embed.extra, NAME)), receipt


def note_extra(extra: Extra | None, path: str, receipt: Receipt) -> None:
    """One line for each field that only another dialect knows."""
    if extra is not None and extra.dialect != NAME:
        for name in extra.fields:
            receipt.note("dropped", f"{path}.{name}" if path else name, f"known to {extra.dialect} only")


def _tool(tool: Tool, number: int, receipt: Receipt) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    note_extra(tool.extra, f"tools[{number}]", receipt)
    return merge({"type": "function", "function": function}, tool.extra, NAME)


def _tool_choice(choice: str) -> Any:
    if choice.startswith("tool:"):
        return {"type": "function", "function": {"name": choice.removeprefix("tool:")}}
    return choice


def _format(format_: Format, own: bool) -> dict[str, Any]:
    """OpenAI wants a name; a caller of this dialect who gave none knows a host that does not."""
    if format_.kind == "json":
        return {"type": "json_object"}
    schema: dict[str, Any] = {"schema": format_.schema}
    if format_.name or not own:
        schema["name"] = format_.name or "reply"
    if format_.strict is not None:
        schema["strict"] = format_.strict
    return {"type": "json_schema", "json_schema": schema}
