"""IP addresses of both versions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ..contract import Finding
from .patterns import Pattern

_FOUR = Pattern(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_SIX = Pattern(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_LONGEST = 45
_SURE, _LIKELY = 0.8, 0.6
"""Scores: of addresses that are written as no version number is, and of those that could be one."""


def addresses(text: str) -> Iterator[Finding]:
    """Every address that is one; within a longer number or word there is none."""
    for start, end in _FOUR.spans(text) if text.count(".") > 2 else ():
        if _alone(text, start, end) and _valid(text[start:end]):
            sure = any(int(part) > 20 for part in text[start:end].split("."))
            yield Finding(start, end, "IP", _SURE if sure else _LIKELY)
    for start, end in _SIX.spans(text) if text.count(":") > 1 else ():
        while end > start and text[end - 1] == ".":
            end -= 1
        if end - start <= _LONGEST and len(text[start:end].strip(":")) > 3 and _valid(text[start:end]):
            yield Finding(start, end, "IP", _SURE)


def _valid(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _alone(text: str, start: int, end: int) -> bool:
    before = start > 0 and (text[start - 1].isalnum() or text[start - 1] == ".")
    after = end < len(text) and (text[end].isalnum() or (text[end] == "." and text[end + 1 : end + 2].isdigit()))
    return not before and not after
