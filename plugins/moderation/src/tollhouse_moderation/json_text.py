"""Texts that are JSON themselves, such as a tool call's arguments: their strings, read and rewritten in place."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
_encode = msgspec.json.Encoder().encode


def is_json(text: str) -> bool:
    """Whether the whole text is JSON."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


def rewritten(text: str, rewrite: Callable[[str], str]) -> str:
    """The text with each string, as what it says, and each number rewritten; a number that changes becomes a string,
    and every other byte stays. A text that is no JSON is rewritten as it stands."""
    if not is_json(text):
        return rewrite(text)

    def replace(found: re.Match[str]) -> str:
        token = found[0]
        said = msgspec.json.decode(token, type=str) if token[0] == '"' else token
        changed = rewrite(said)
        return token if changed == said else _encode(changed).decode()

    return _TOKEN.sub(replace, text)


def strings(text: str) -> list[str]:
    """What its strings and numbers say; the text itself when it is no JSON."""
    said: list[str] = []

    def note(one: str) -> str:
        said.append(one)
        return one

    rewritten(text, note)
    return said
