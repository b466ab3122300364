"""The one token estimate: characters over a ratio, good enough to hold by and settled to the real figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange

CHARS_PER_TOKEN = 4.0
"""Bytes of a JSON request body a token, on the safe side for English; syntax counts as text."""

TOKENS_PER_MEDIUM = 1000
"""What an inline image, clip or document counts; its base64 is not text."""

ASSUMED_OUTPUT = 1024
"""Output tokens held when the caller names no maximum."""


_INLINE = re.compile(rb"[A-Za-z0-9+/=]{4096,}")


class Tokens:
    """Estimates for one exchange, computed when first asked for."""

    __slots__ = ("_exchange", "_input", "_output")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._input: int | None = None
        self._output: int | None = None

    @property
    def input(self) -> int:
        """Estimated input tokens; at least 1."""
        if self._input is None:
            request = self._exchange.request
            self._input = max(1, _estimated(request.raw)) if request else 1
        return self._input

    @property
    def output(self) -> int:
        """The most output tokens the caller asks for, times the number of choices, or the assumed figure."""
        if self._output is None:
            request = self._exchange.request
            asked, n = (request.max_output, request.n) if request else (None, 1)
            self._output = (asked if asked is not None else ASSUMED_OUTPUT) * n if self._exchange.task == "chat" else 0
        return self._output

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


def _estimated(raw: bytes) -> int:
    media = [len(run) for run in _INLINE.findall(raw)] if len(raw) >= 4096 else []
    return int((len(raw) - sum(media)) / CHARS_PER_TOKEN) + TOKENS_PER_MEDIUM * len(media)
