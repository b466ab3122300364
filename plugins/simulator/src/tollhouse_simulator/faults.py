"""Directives: what should go wrong (or otherwise than configured) with one request, in one small grammar.

A directive is `word` or `word=value`, separated by white space, `;`, `,` or `&`, so that the same text fits a
message, a header, a model's name and a setting: `status=503 retry_after=2`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from tollhouse import ProviderError
from tollhouse.config.amounts import Duration
from tollhouse.config.suggest import did_you_mean

LONGEST_PROSE = 16_384
"""Tokens of prose at most."""

_SEPARATORS = re.compile(r"[\s;,&]+")
_IN_MESSAGE = re.compile(r"\[\[fault:([^\[\]]{0,500})\]\]")
_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    402: "insufficient_quota",
    403: "permission_denied",
    404: "model_not_found",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    503: "overloaded",
    529: "overloaded",
}


class FaultError(ValueError):
    """A directive that cannot be read; str() says which, and what there is."""


class Fault(Struct, frozen=True, kw_only=True):
    """One request's directives; the fields are the words. Tokens are counted over all choices."""

    status: int | None = None
    """Fail with this HTTP status, 400 to 599; with `error_after`, that of the error inside the reply."""
    retry_after: float | None = None
    """Seconds after which the error says to come back."""
    code: str | None = None
    """The error's code, in place of the usual one of its status."""
    type: str | None = None
    """The error's type."""
    stall: bool = False
    """Never answer."""
    stall_after: int | None = None
    """Fall silent for ever after so many tokens."""
    cut_after: int | None = None
    """End without a terminal event after so many tokens."""
    error_after: int | None = None
    """Report an error inside the reply after so many tokens."""
    malformed: bool = False
    """Answer 200 with a page of HTML."""
    ttft: float | None = None
    """Seconds to the first token, or to the error of `status`."""
    tokens_per_second: float | None = None
    """Pace after the first token; 0 is unpaced."""
    tokens: int | None = None
    """Length of lorem's prose."""
    rate: float = 1.0
    """The probability that these directives hold; else the request is answered as if they were not there."""
    attempts: int | None = None
    """Hold only for the first so many attempts of an exchange."""

    @property
    def ends_after(self) -> int | None:
        """Tokens after which the reply goes wrong; None when it does not."""
        after = [n for n in (self.stall_after, self.cut_after, self.error_after) if n is not None]
        return min(after, default=None)

    def error(self) -> ProviderError:
        """The error that `status` or `error_after` asks for."""
        status = self.status or 500
        return ProviderError(
            f"simulated fault: status {status}",
            kind=kind_of(status),
            status=status,
            code=self.code or _CODES.get(status, "invalid_request" if status < 500 else "server_error"),
            type=self.type,
            retry_after=self.retry_after,
        )


NONE = Fault()


def kind_of(status: int) -> str:
    """The kind of provider error an HTTP error status is."""
    match status:
        case 401 | 402 | 403:
            return "credentials"
        case 429:
            return "rate_limit"
        case 503 | 529:
            return "overloaded"
    return "server" if status >= 500 else "invalid"


def in_message(text: str) -> str:
    """The directives within `[[fault: ...]]` in a text; empty when there are none."""
    return " ".join(_IN_MESSAGE.findall(text)) if "[[fault:" in text else ""


def parse(text: str) -> Fault:
    """Read directives. Raises FaultError for an unknown word, one that stands twice, and a value that is
    missing, unwanted or impossible."""
    words: dict[str, Any] = {}
    for item in filter(None, _SEPARATORS.split(text)):
        word, equals, value = item.partition("=")
        name = word.replace("-", "_")
        if name not in _READERS:
            raise FaultError(f'there is no fault "{word}". {did_you_mean(name, _READERS)}')
        if name in words:
            raise FaultError(f'the fault "{word}" is given twice.')
        words[name] = _READERS[name](word, value if equals else None)
    return Fault(**words)


Reader = Callable[[str, str | None], Any]


def _flag(word: str, value: str | None) -> bool:
    if value is not None:
        raise FaultError(f'the fault "{word}" takes no value.')
    return True


def _word(word: str, value: str | None) -> str:
    if not value or not re.fullmatch(r"[\w.-]{1,64}", value):
        raise FaultError(f'the fault "{word}" needs a word of up to 64 letters, digits, "_", "." or "-".')
    return value


def _whole(low: int, high: int) -> Reader:
    def read(word: str, value: str | None) -> int:
        if not value or not re.fullmatch("[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise FaultError(f'the fault "{word}" needs a whole number from {low} to {high}: {word}={low}.')
        return int(value)

    return read


def _number(low: float, high: float) -> Reader:
    def read(word: str, value: str | None) -> float:
        try:
            number = float(value or "")
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise FaultError(f'the fault "{word}" needs a number from {low:g} to {high:g}.')
        return number

    return read


def _seconds(word: str, value: str | None) -> float:
    if value and re.fullmatch(r"0+(\.0+)?", value):
        return 0.0
    try:
        return float(Duration(f"{value}s" if value and value[-1].isdigit() else value or ""))
    except ValueError as error:
        raise FaultError(f'the fault "{word}" needs a time such as {word}=2 or {word}=500ms.') from error


_COUNT = _whole(0, 1_000_000)
_READERS: dict[str, Reader] = {
    "status": _whole(400, 599),
    "retry_after": _seconds,
    "code": _word,
    "type": _word,
    "stall": _flag,
    "stall_after": _COUNT,
    "cut_after": _COUNT,
    "error_after": _COUNT,
    "malformed": _flag,
    "ttft": _seconds,
    "tokens_per_second": _number(0, 1_000_000),
    "tokens": _whole(1, LONGEST_PROSE),
    "rate": _number(0, 1),
    "attempts": _whole(1, 1000),
}
