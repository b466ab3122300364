"""Reads and writes the reply to a question for a request's tokens: `{"input_tokens": N}`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from tollhouse import Edit, Frame, ProviderError, Usage
from tollhouse.json_patch import patch
from tollhouse.neutral import End, Failed, Happening, Used

from .errors import in_band
from .whole import WholeEncoder

_encode = msgspec.json.Encoder().encode


class _Body(Struct):
    input_tokens: int | None = None
    type: str = ""


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
        try:
            body = _body.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if body.type == "error":
            return Frame(raw, "error", error=in_band(raw))
        if body.input_tokens is None:
            raise _unreadable()
        return Frame(raw, "end")

    def unfold(self, raw: bytes) -> list[Happening]:
        """The count, as usage of input."""
        frame = self.whole(raw)
        if frame.error is not None:
            return [Failed(error=frame.error)]
        return [Used(usage=Usage(input=_body.decode(raw).input_tokens)), End()]

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a body."""
        return patch(raw, edits)


class CountEncoder(WholeEncoder):
    """One count."""

    def body(self) -> bytes:
        """The input that the events tell."""
        counts = [one.usage.total_input for one in self.happenings if isinstance(one, Used)]
        return _encode({"input_tokens": counts[-1] if counts else 0})


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are not a count of tokens", kind="bad_reply")
