"""The one token estimate: bytes over a ratio that is learned from usage, good enough to hold by and settled later."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange
    from .usage import Usage

BYTES_PER_TOKEN = 4.0
"""Bytes of a JSON request body a token while nothing is known of the model; on the safe side for English."""

TOKENS_PER_MEDIUM = 1000
"""What an inline image, clip or document counts; its base64 is not text."""

ASSUMED_OUTPUT = 1024
"""Output tokens held when the caller names no maximum."""

LEARNED = 1024
"""Models whose ratio is remembered; the one asked for longest ago is forgotten first."""

_LEAST, _MOST = 1.0, 8.0
_HEAVIEST = 4096
_KEPT = 0.9
_PRIOR = 1024

_INLINE = re.compile(rb"[A-Za-z0-9+/=]{4096,}")


class Ratios:
    """Bytes a token, by model: the mean over what upstreams reported, in which each report weighs by its tokens (at
    most 4096) and loses a tenth with each later one. It begins as 1024 tokens at 4 bytes each and stays within 1
    and 8 bytes, so that no caller's strange texts mislead the estimate for others far or for long. Lives as long
    as the process; each process learns for itself."""

    def __init__(self) -> None:
        self._sums: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sums)

    def of(self, model: str) -> float:
        """Bytes a token of this model."""
        known = self._sums.get(model)
        if known is None:
            return BYTES_PER_TOKEN
        self._sums.move_to_end(model)
        return min(_MOST, max(_LEAST, known[0] / known[1]))

    def learn(self, model: str, size: int, tokens: int) -> None:
        """A request of `size` bytes had so many input tokens."""
        if size <= 0 or tokens <= 0:
            return
        weight = min(tokens, _HEAVIEST)
        before = self._sums.pop(model, (_PRIOR * BYTES_PER_TOKEN, float(_PRIOR)))
        self._sums[model] = before[0] * _KEPT + min(size / tokens, 2 * _MOST) * weight, before[1] * _KEPT + weight
        if len(self._sums) > LEARNED:
            self._sums.popitem(last=False)


class Tokens:
    """Estimates for one exchange, computed when first asked for."""

    __slots__ = ("_exchange", "_input", "_output", "_size")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._input: int | None = None
        self._output: int | None = None
        self._size = 0

    @property
    def input(self) -> int:
        """Estimated input tokens; at least 1."""
        if self._input is None:
            request = self._exchange.request
            self._input = max(1, self._estimated(request.raw)) if request else 1
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

    def learn(self, usage: Usage) -> None:
        """An upstream's report on this exchange: later estimates for its model come nearer to it. Ignored where
        nobody estimated, where inline media blur what a byte of text is, and where the report is itself an estimate."""
        if self._size and usage.source == "upstream":
            _ratios(self._exchange).learn(self._exchange.model, self._size, usage.total_input)

    def _estimated(self, raw: bytes) -> int:
        media = [len(run) for run in _INLINE.findall(raw)] if len(raw) >= 4096 else []
        self._size = 0 if media else len(raw)
        ratio = _ratios(self._exchange).of(self._exchange.model)
        return int((len(raw) - sum(media)) / ratio) + TOKENS_PER_MEDIUM * len(media)


def _ratios(exchange: Exchange) -> Ratios:
    return exchange.gateway.keep("tokens", Ratios)
