"""What a reply was heard to say, for the price of one that never said what it used, or broke off before it could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProviderError
from ..neutral import Delta
from ..usage import Usage

if TYPE_CHECKING:
    from ..attempt import Attempt
    from ..dialect import Decoder
    from ..reply import Event

BYTES_PER_TOKEN = 4
"""Characters of text a token."""

SAMPLE = 32 * 1024
"""Bytes of frames from a stream's beginning that are kept, to be read if it breaks off. They show how much of a frame
is syntax, by which the frames that follow are judged."""


class Delivered:
    """Remembers just enough of a reply to tell later how much it said. `complete` says that its end was seen."""

    __slots__ = ("_kept", "_later", "_later_bytes", "_pieces", "_room", "_said", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._kept: list[bytes] = []
        self._room = SAMPLE
        self._later = self._later_bytes = 0
        self._pieces = self._said = 0

    def frame(self, raw: bytes, content: bool) -> None:
        """A frame came; called for each, so it reads none."""
        if self._room > 0:
            self._kept.append(raw)
            self._room -= len(raw)
        elif content:
            self._later += 1
            self._later_bytes += len(raw)

    def text(self, text: str) -> None:
        """A piece of the neutral form said this."""
        self._pieces += 1
        self._said += len(text)

    def body(self, event: Event) -> None:
        """A whole body said this; one that cannot be read is for others to complain of."""
        try:
            for delta in event.deltas:
                self.text(delta.text)
        except ProviderError:
            self._said += len(event.frame.raw) if event.frame else 0

    @property
    def pieces(self) -> int:
        """Pieces of content so far, read without decoding any: about as many as tokens, where an upstream sends each as
        it comes."""
        return self._pieces + len(self._kept) + self._later

    def tokens(self, decoder: Decoder | None) -> int:
        """Output tokens: each piece is one at least, however long the text of the others. `decoder` is a fresh one
        of the reply's dialect."""
        pieces, said, framed, frames = self._pieces, self._said, 0, 0
        for raw in self._kept if decoder is not None else ():
            texts = _texts(decoder, raw)
            pieces, said = pieces + len(texts), said + sum(texts)
            if texts:
                frames, framed = frames + 1, framed + len(raw) - sum(texts)
        syntax = framed // frames if frames else 0
        pieces, said = pieces + self._later, said + max(0, self._later_bytes - self._later * syntax)
        return max(pieces, said // BYTES_PER_TOKEN)


def assumed(attempt: Attempt, dialect: str, delivered: Delivered) -> Usage | None:
    """The usage of an attempt whose reply, in `dialect`, had content: as the upstream reported it, if the reply came
    to its end. Else it is at least the estimated input, where none was reported, and the output that was delivered,
    within the most that was asked for."""
    exchange, reported = attempt.exchange, attempt.usage
    if exchange.task not in ("chat", "embed") or (reported is not None and delivered.complete):
        return reported
    output = 0
    if exchange.task == "chat":
        spoken = exchange.edition.dialects.get(dialect)
        output = delivered.tokens(spoken.decoder("chat") if spoken else None)
        if exchange.request.max_output is not None:
            output = min(output, exchange.tokens.output)
    if reported is None:
        return Usage(input=exchange.tokens.input, output=output, source="estimate")
    missing = max(0, output - reported.total_output)
    unsaid = 0 if reported.total_input else exchange.tokens.input
    if not missing and not unsaid:
        return reported
    least = Usage(input=(reported.input or 0) + unsaid, output=(reported.output or 0) + missing, source="estimate")
    return reported.merged(least)


def _texts(decoder: Decoder | None, raw: bytes) -> list[int]:
    if decoder is None:
        return []
    try:
        return [len(one.text) for one in decoder.feed(raw) if isinstance(one, Delta)]
    except ProviderError:
        return []
