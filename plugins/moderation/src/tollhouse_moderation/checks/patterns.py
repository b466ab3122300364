"""Regular expressions that nobody can make slow: RE2's, which take time in proportion to the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import re2  # type: ignore[import-untyped]

_MEMORY = 8 << 20
"""Bytes RE2 may use for one expression."""


class Pattern:
    """One compiled expression."""

    def __init__(self, source: str) -> None:
        """Raises ValueError for what is no expression of RE2, or needs too much memory."""
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        try:
            self._compiled: Any = re2.compile(source, options=options)
        except re2.error as error:
            why = error.args[0]
            words = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
            raise ValueError(f"{source!r} is not a regular expression of RE2: {words}.") from None

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return int(self._compiled.groups)

    def spans(self, text: str, group: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches, or where that group of it does; empty matches are left out."""
        try:
            for found in self._compiled.finditer(text):
                start, end = found.span(group)
                if start < end:
                    yield start, end
        except UnicodeEncodeError:
            clean = "".join(c if not 0xD800 <= ord(c) < 0xE000 else "\ufffd" for c in text)
            yield from self.spans(clean, group)


def compiled(sources: Iterable[str]) -> list[Pattern]:
    """Raises ValueError for any that is none, or that fits an empty text."""
    made = [Pattern(source) for source in sources]
    for source in sources:
        if re2.fullmatch(source, ""):
            raise ValueError(f"{source!r} fits an empty text, and so everything.")
    return made
