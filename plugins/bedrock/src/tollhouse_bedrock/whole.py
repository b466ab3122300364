"""Writes the JSON bodies of this dialect: a reply to Converse, and a count of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Receipt, Rejected
from tollhouse.neutral import Choice, Extra, Failed, Happening, Refusal, Text, Thinking, ToolCall, Used, fold

from .blocks import Blocks
from .errors import error_body
from .name import NAME
from .reasons import write_reason
from .usage import write_usage

_KINDS: dict[type, str] = {Refusal: "refusal", ToolCall: "tool_call"}
_encode = msgspec.json.Encoder().encode


class WholeEncoder:
    """Collects the events of a reply; a forwarded body is its own."""

    content_type = "application/json"

    def __init__(self) -> None:
        self._happenings: list[Happening] = []
        self._passed = False

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        self._passed = True
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect; a body is written at its end. Raises the error of a `Failed`."""
        for happening in happenings:
            if isinstance(happening, Failed):
                raise happening.error
        self._happenings.extend(happenings)
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        return b"" if self._passed else _encode(self._body(self._happenings))

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        return error_body(error)

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "

    def _body(self, happenings: list[Happening]) -> dict[str, Any]:
        raise NotImplementedError


class BodyEncoder(WholeEncoder):
    """A whole reply to Converse. `ids` makes a call's id that is missing, `latency` tells the milliseconds passed."""

    def __init__(self, ids: Callable[[], str], latency: Callable[[], int]) -> None:
        super().__init__()
        self._ids, self._latency = ids, latency

    def _body(self, happenings: list[Happening]) -> dict[str, Any]:
        """The reply these fold to; of several choices the first."""
        answer = fold(happenings)
        choice = answer.choices[0] if answer.choices else Choice()
        for part in choice.parts:
            if isinstance(part, ToolCall):
                part.id = part.id or self._ids()
        said = [p for p in choice.parts if not isinstance(p, Text | Thinking) or p.text or getattr(p, "opaque", "")]
        content = Blocks(NAME, "", True, Receipt()).write(said, "assistant", "")
        kinds = {_KINDS.get(type(part), "") for part in choice.parts}
        body: dict[str, Any] = {"output": {"message": {"role": "assistant", "content": content}}}
        if (word := write_reason(choice.finish, choice.finish_raw, kinds)) is not None:
            body["stopReason"] = word
        usage = {"usage": write_usage(answer.usage), "metrics": {"latencyMs": self._latency()}}
        return {**body, **leftovers(choice.extra), **usage}


class CountEncoder(WholeEncoder):
    """A count of tokens."""

    def _body(self, happenings: list[Happening]) -> dict[str, Any]:
        """The input that the events tell."""
        counts = [one.usage.total_input for one in happenings if isinstance(one, Used)]
        return {"inputTokens": counts[-1] if counts else 0}


def leftovers(extra: Extra | None) -> dict[str, Any]:
    """The fields of this dialect among leftovers."""
    return dict(extra.fields) if extra is not None and extra.dialect == NAME else {}
