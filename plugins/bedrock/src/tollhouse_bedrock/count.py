"""Reads the reply to a question for a request's tokens: `{"inputTokens": N}`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from tollhouse import Edit, Frame, ProviderError, Usage
from tollhouse.json_patch import patch
from tollhouse.neutral import End, Happening, Used


class _Body(Struct):
    inputTokens: int | None = None


_body = msgspec.json.Decoder(_Body)


class CountDecoder:
    """One count. It is never streamed, and costs nothing: only its neutral form tells it as usage."""

    def sniff(self, raw: bytes) -> Frame:
        """No frame is expected."""
        return Frame(raw, "error", error=_unreadable())

    def feed(self, raw: bytes) -> list[Happening]:
        """No frame is expected."""
        raise _unreadable()

    def finish(self) -> None:
        """A stream of counts is never complete."""
        raise ProviderError("the upstream ended its reply without a count", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a body."""
        _count(raw)
        return Frame(raw, "end")

    def unfold(self, raw: bytes) -> list[Happening]:
        """The count, as usage of input."""
        return [Used(usage=Usage(input=_count(raw))), End()]

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a body."""
        return patch(raw, edits)


def _count(raw: bytes) -> int:
    try:
        count = _body.decode(raw).inputTokens
    except (msgspec.DecodeError, RecursionError):
        count = None
    if count is None:
        raise _unreadable()
    return count


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are not a count of tokens", kind="bad_reply")
