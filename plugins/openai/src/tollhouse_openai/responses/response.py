"""The response object: what was asked, repeated, and what came of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Request, Usage
from tollhouse.neutral import Finish, Start

from .name import NAME
from .reasons import write_reason
from .usage import write_usage

_object = msgspec.json.Decoder(dict[str, Raw])
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, and what it says when that said nothing."""


def named(start: Start, base: str) -> str:
    """The response's id: the upstream's own one if it speaks this dialect, else one made of the upstream's."""
    if start.extra is not None and start.extra.dialect == NAME and start.id:
        return start.id
    return "resp_" + (re.sub(r"[^A-Za-z0-9_-]", "_", start.id)[:200] or base)


def response_object(request: Request, start: Start, id_: str, created: int) -> dict[str, Any]:
    """A response in progress. Nothing keeps it, so that it cannot be asked for again."""
    try:
        asked = _object.decode(request.raw)
    except (msgspec.DecodeError, RecursionError):
        asked = {}
    echoed = {name: asked[name] if _says(asked.get(name)) else value for name, value in _ECHOED.items()}
    return {
        "id": id_,
        "object": "response",
        "created_at": start.created or created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": start.model or request.model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "usage": None,
        **echoed,
    }


def ended(response: dict[str, Any], finish: Finish, output: list[Any], usage: Usage | None) -> dict[str, Any]:
    """The response as it ended."""
    status, details = write_reason(finish)
    said = None if usage is None else write_usage(usage)
    return {**response, "status": status, "incomplete_details": details, "output": output, "usage": said}


def _says(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"
