"""What a caller's headers ask of the cache.

`cache-control` is read as RFC 9111, section 5.2.1 says; what it defines beyond `no-store`, `no-cache`, `max-age` and
`only-if-cached` asks for nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tollhouse import Rejected

HEADER = "x-tollhouse-cache"
"""In a request: what the call may do with the cache. In a response: what it did."""
TAGS_HEADER = "x-tollhouse-cache-tags"
"""In a request: words to forget its entry by later."""

MOST_TAGS = 8
_TAG = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_WORDS = {"on": (True, True), "read": (True, False), "write": (False, True), "off": (False, False)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller allows; `max_age` in seconds, None when nothing was said."""

    read: bool = True
    write: bool = True
    max_age: float | None = None
    only_if_cached: bool = False
    tags: tuple[str, ...] = ()


NONE = Wishes()
"""Of a caller who says nothing."""


def read(headers: Mapping[str, str]) -> Wishes:
    """The wishes of these headers. Raises `Rejected` (400) for words of our own headers that mean nothing."""
    control, word, tags = headers.get("cache-control"), headers.get(HEADER), headers.get(TAGS_HEADER)
    if control is None and word is None and tags is None:
        return NONE
    reads, writes = _word(word)
    directives = _directives(control or "")
    age = directives.get("max-age")
    return Wishes(
        read=reads and "no-store" not in directives and "no-cache" not in directives,
        write=writes and "no-store" not in directives,
        max_age=None if age is None else float(age) if re.fullmatch("[0-9]{1,10}", age) else 0.0,
        only_if_cached="only-if-cached" in directives,
        tags=_tags(tags or ""),
    )


def _word(word: str | None) -> tuple[bool, bool]:
    if word is None:
        return _WORDS["on"]
    if (known := _WORDS.get(word.strip().lower())) is None:
        raise _meaningless(f"`{HEADER}` is one of {', '.join(_WORDS)}.")
    return known


def _directives(control: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in control.lower().split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _tags(said: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(word.strip() for word in said.split(",") if word.strip()))
    if len(tags) > MOST_TAGS or not all(map(_TAG.fullmatch, tags)):
        raise _meaningless(
            f"`{TAGS_HEADER}` holds at most {MOST_TAGS} words of at most 64 letters, digits and `_.:/-`, "
            "separated by commas."
        )
    return tags


def _meaningless(message: str) -> Rejected:
    return Rejected(message, code="invalid_cache_header", should_retry=False)
