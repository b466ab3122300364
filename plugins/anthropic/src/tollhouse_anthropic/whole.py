"""What every writer of a JSON body of this dialect does alike."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Frame, ProviderError, Rejected
from tollhouse.neutral import Failed, Happening

from .errors import WORDS, error_body


class WholeEncoder:
    """Collects the events of a reply; a forwarded body is its own."""

    content_type = "application/json"

    def __init__(self) -> None:
        self.happenings: list[Happening] = []
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
        self.happenings.extend(happenings)
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        return b"" if self._passed else self.body()

    def body(self) -> bytes:
        """The body of what was collected."""
        raise NotImplementedError

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        status = error.status if isinstance(error, Rejected) else WORDS[error.kind][0]
        return error_body(error, status, request_id)

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "
