"""Ids of calls, which Gemini may leave out and every other dialect needs."""

from __future__ import annotations

import re

LIMIT = 40
"""Characters of an id; OpenAI's API takes no more."""

_MADE = re.compile(r"gemini-[A-Za-z0-9]*-\d+-(.*)\Z", re.DOTALL)
_ODD = re.compile(r"[^A-Za-z0-9_-]")


def made_id(reply: str, number: int, name: str) -> str:
    """An id for the call `number` of a reply (or of a request's turns) to the function `name`: always the same."""
    tag = _ODD.sub("", reply).replace("-", "").replace("_", "")[:8]
    return f"gemini-{tag}-{number}-{_ODD.sub('_', name)}"[:LIMIT]


def given_id(id_: str) -> str:
    """The id an upstream or caller gave; empty for one that was made here."""
    return "" if _MADE.match(id_) else id_


def name_in(id_: str) -> str:
    """The function's name, as far as an id that was made here tells it; else empty."""
    match = _MADE.match(id_)
    return match[1] if match else ""


class Calls:
    """The calls of a request's turns, numbered where they have no ids. A result without an id answers the oldest
    open call to its function."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._count = 0

    def call(self, name: str, id_: str) -> str:
        """The id of a call."""
        id_ = id_ or self._made(name)
        self._names[id_] = name
        self._open.setdefault(name, []).append(id_)
        return id_

    def result(self, name: str, id_: str) -> str:
        """The id of the call that a result answers."""
        waiting = self._open.get(name, [])
        if not id_:
            return waiting.pop(0) if waiting else self._made(name)
        if id_ in waiting:
            waiting.remove(id_)
        return id_

    def named(self, id_: str, name: str) -> bool:
        """Whether the id alone tells the function's name."""
        return self._names.get(id_, name_in(id_)) == name

    def _made(self, name: str) -> str:
        self._count += 1
        return made_id("", self._count - 1, name)
