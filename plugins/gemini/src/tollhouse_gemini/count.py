"""The reply to `countTokens`: forwarded, since only Gemini counts as Gemini does."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Rejected
from tollhouse.neutral import End, Failed, Happening

from .errors import error_object, in_band
from .framing import JSON
from .patch import patch

_NULL = Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Body(Struct):
    totalTokens: int | None = None
    error: Raw = _NULL


_body = msgspec.json.Decoder(_Body)


class CountDecoder:
    """One reply: a number of tokens, which is not usage. It is never streamed."""

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
        """Classify a whole body. An empty prompt has no `totalTokens`."""
        try:
            body = _body.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if bytes(body.error) != b"null":
            return Frame(raw, "error", error=in_band(body.error))
        return Frame(raw, "end")

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral form knows no counts."""
        frame = self.whole(raw)
        return [Failed(error=frame.error)] if frame.error is not None else [End()]

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a body."""
        return patch(raw, edits)


class CountEncoder:
    """Forwards the upstream's count."""

    content_type = JSON

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Nothing but an error can be said of a count. Raises the error of a `Failed`."""
        for happening in happenings:
            if isinstance(happening, Failed):
                raise happening.error
        return b""

    def finish(self) -> bytes:
        """Nothing."""
        return b""

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are no count of tokens", kind="bad_reply")
