"""Reads and writes the reply to an embedding request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Rejected, Request, Usage
from tollhouse.neutral import End, Failed, Happening, Start, Used, Vectors

from .errors import error_object, in_band
from .framing import JSON
from .patch import patch
from .request import method
from .usage import read_usage, write_usage

_NULL = Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Vector(Struct):
    values: list[float] = []


class _Body(Struct):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usageMetadata: Raw = _NULL
    error: Raw = _NULL


_body = msgspec.json.Decoder(_Body)


class EmbedDecoder:
    """One reply. Embeddings are never streamed; frames of them are unknown."""

    def sniff(self, raw: bytes) -> Frame:
        """No frame is expected."""
        return Frame(raw, "error", error=_unreadable())

    def feed(self, raw: bytes) -> list[Happening]:
        """No frame is expected."""
        raise _unreadable()

    def finish(self) -> None:
        """A stream of embeddings is never complete."""
        raise ProviderError("the upstream ended its reply without embeddings", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body."""
        body = _read(raw)
        if bytes(body.error) != b"null":
            return Frame(raw, "error", error=in_band(body.error))
        if body.embedding is None and body.embeddings is None:
            raise ProviderError("the upstream's reply has no embeddings", kind="bad_reply")
        return Frame(raw, "end", read_usage(body.usageMetadata))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The vectors in the inputs' order, and the usage."""
        frame = self.whole(raw)
        if frame.error is not None:
            return [Failed(error=frame.error)]
        body = _read(raw)
        vectors = body.embeddings if body.embeddings is not None else [body.embedding or _Vector()]
        out: list[Happening] = [Start(), Vectors(vectors=[vector.values for vector in vectors])]
        if frame.usage is not None:
            out.append(Used(usage=frame.usage))
        out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a body."""
        return patch(raw, edits)


class EmbedEncoder:
    """One embedding, or a list of them, as the caller's method answers."""

    content_type = JSON

    def __init__(self, request: Request) -> None:
        self._single = method(request.route) == "embedContent"
        self._vectors: list[list[float]] = []
        self._usage: Usage | None = None
        self._passed = False

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        self._passed = True
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect. Raises the error of a `Failed`."""
        for happening in happenings:
            match happening:
                case Vectors(vectors=vectors):
                    self._vectors.extend(vectors)
                case Used(usage=usage):
                    self._usage = self._usage.merged(usage) if self._usage else usage
                case Failed(error=error):
                    raise error
                case _:
                    pass
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        if self._passed:
            return b""
        vectors = [{"values": vector} for vector in self._vectors]
        said: dict[str, Any] = {"embedding": vectors[0]} if self._single and vectors else {"embeddings": vectors}
        if self._usage is not None:
            said["usageMetadata"] = write_usage(self._usage)
        return _encode(said)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


def _read(raw: bytes) -> _Body:
    try:
        return _body.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise _unreadable() from None


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are no embeddings", kind="bad_reply")
