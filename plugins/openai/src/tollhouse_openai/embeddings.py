"""Reads and writes the reply to an embeddings request."""

from __future__ import annotations

import base64
import binascii
from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Rejected, Request, Usage
from tollhouse.json_patch import patch
from tollhouse.neutral import Embed, End, Failed, Happening, Start, Used, Vectors

from .errors import error_object, in_band
from .usage import read_usage

_NULL = Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Head(Struct):
    data: Raw = _NULL
    usage: Raw = _NULL
    error: Raw = _NULL


class _Vector(Struct):
    embedding: list[float] | str
    index: int | None = None


class _Body(Struct):
    data: list[_Vector]
    model: str = ""
    id: str = ""
    usage: Raw = _NULL


_head = msgspec.json.Decoder(_Head)
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
        try:
            head = _head.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if bytes(head.error) not in (b"null", b"{}", b'""'):
            return Frame(raw, "error", error=in_band(head.error))
        if bytes(head.data)[:1] != b"[":
            raise ProviderError("the upstream's reply has no embeddings", kind="bad_reply")
        return Frame(raw, "end", read_usage(head.usage))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The vectors, ordered by index, and the usage."""
        frame = self.whole(raw)
        if frame.error is not None:
            return [Failed(error=frame.error)]
        try:
            body = _body.decode(raw)
            places = [n if item.index is None else item.index for n, item in enumerate(body.data)]
            ordered = sorted(zip(places, body.data, strict=True), key=lambda pair: pair[0])
            vectors = [_floats(item.embedding) for _, item in ordered]
        except (msgspec.DecodeError, binascii.Error, ValueError):
            raise _unreadable() from None
        out: list[Happening] = [Start(id=body.id, model=body.model), Vectors(vectors=vectors)]
        if frame.usage is not None:
            out.append(Used(usage=frame.usage))
        out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a body."""
        return patch(raw, edits)


class EmbedEncoder:
    """One list of embeddings, as numbers or base64 as the caller asked."""

    content_type = "application/json"

    def __init__(self, request: Request) -> None:
        self._request = request
        self._model = request.model
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
                case Start(model=model):
                    self._model = model or self._model
                case Vectors(vectors=vectors):
                    self._vectors.extend(vectors)
                case Used(usage=usage):
                    self._usage = usage
                case Failed(error=error):
                    raise error
                case _:
                    pass
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        if self._passed:
            return b""
        body = self._request.body
        packed = isinstance(body, Embed) and body.encoding == "base64"
        said: dict[str, Any] = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": n, "embedding": _base64(vector) if packed else vector}
                for n, vector in enumerate(self._vectors)
            ],
            "model": self._model,
        }
        if self._usage is not None:
            said["usage"] = {"prompt_tokens": self._usage.total_input, "total_tokens": self._usage.total}
        return _encode(said)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


def _floats(said: list[float] | str) -> list[float]:
    """A vector's numbers; base64 is little-endian float32."""
    if not isinstance(said, str):
        return said
    numbers = array("f", base64.b64decode(said, validate=True))
    if byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _base64(vector: list[float]) -> str:
    numbers = array("f", vector)
    if byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are not a list of embeddings", kind="bad_reply")
