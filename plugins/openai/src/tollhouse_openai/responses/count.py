"""Replies that only pass: a count of tokens, and a compacted conversation, whose usage is read."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Rejected
from tollhouse.json_patch import patch
from tollhouse.neutral import End, Happening

from ..errors import error_object
from .usage import read_usage

_encode = msgspec.json.Encoder().encode


class _Body(Struct):
    usage: Raw = Raw(b"null")


_body = msgspec.json.Decoder(_Body)


class CountDecoder:
    """A whole body of which nothing but its usage is known."""

    def sniff(self, raw: bytes) -> Frame:
        """Nothing is streamed here."""
        raise ProviderError("the upstream streams where one body was expected", kind="bad_reply")

    def feed(self, raw: bytes) -> list[Happening]:
        """Nothing is streamed here."""
        return []

    def finish(self) -> None:
        """Nothing is streamed here."""

    def whole(self, raw: bytes) -> Frame:
        """The body. Raises `ProviderError` for one that is no JSON object."""
        try:
            return Frame(raw, "end", read_usage(_body.decode(raw).usage))
        except (msgspec.DecodeError, RecursionError):
            raise ProviderError("the upstream sent bytes that are no JSON object", kind="bad_reply") from None

    def unfold(self, raw: bytes) -> list[Happening]:
        """No more than that it is complete."""
        return [End()]

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to the body."""
        return patch(raw, edits)


class CountEncoder:
    """The upstream's body as it came."""

    content_type = "application/json"

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Only an upstream of this dialect answers."""
        return b""

    def finish(self) -> bytes:
        """Nothing is added."""
        return b""

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "
