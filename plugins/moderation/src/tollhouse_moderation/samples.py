"""Texts that fit a regular expression, for measuring a check against a list of patterns without any real secret."""

from __future__ import annotations

import random
import re
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_FLAGS = re.compile(r"\(\?-?[a-z]+(?:-[a-z]+)?\)")
_GROUP = re.compile(r"\(\?-?[a-z]+(?:-[a-z]+)?:")
_CLASSES = {"[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:xdigit:]": "0-9a-f"}
_ANY = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MORE = 6
"""Repetitions beyond the least, where an expression sets no bound."""


def sample(source: str, dice: random.Random) -> str | None:
    """A text the expression describes; None for one that Python cannot read, or that says nothing. Letters are
    lower case where the expression does not care."""
    source = _GROUP.sub("(?:", _FLAGS.sub("", source)).replace(r"\z", r"\Z")
    for name, members in _CLASSES.items():
        source = source.replace(name, members)
    try:
        tree = _parser.parse(source)
    except (re.error, OverflowError):
        return None
    return _several(tree, dice).strip() or None


def _several(tree: Any, dice: random.Random) -> str:
    return "".join(_one(str(operation), argument, dice) for operation, argument in tree)


def _one(operation: str, argument: Any, dice: random.Random) -> str:
    match operation:
        case "LITERAL":
            return chr(argument)
        case "IN":
            return dice.choice(_members(argument))
        case "ANY" | "NOT_LITERAL":
            return dice.choice(_ANY)
        case "BRANCH":
            return _several(dice.choice(argument[1]), dice)
        case "SUBPATTERN":
            return _several(argument[-1], dice)
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, inner = argument
            times = least if least else min(1, int(most))
            if least and most > least:
                times = least + dice.randint(0, min(_MORE, int(most) - least))
            return "".join(_several(inner, dice) for _ in range(times))
    return ""


def _members(argument: Any) -> str:
    members = ""
    for operation, value in argument:
        match str(operation):
            case "LITERAL":
                members += chr(value)
            case "RANGE":
                members += "".join(chr(code) for code in range(value[0], min(value[1], 0x7E) + 1))
            case "CATEGORY":
                members += "0123456789" if "DIGIT" in str(value) else " " if "SPACE" in str(value) else _ANY
            case "NEGATE":
                return _ANY
    return "".join(one for one in members if one.isprintable()) or " "
