"""On which line of a TOML text each setting stands; tomllib does not say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from .problems import join

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'|#[^\n]*|[\[\]{}\n]', re.DOTALL
)
_KEY = re.compile(r"""(?:[A-Za-z0-9_.\- \t]|"(?:\\.|[^"\\])*"|'[^']*')+=""")


def line_numbers(text: str, tree: Mapping[str, Any]) -> dict[str, int]:
    """Path to line, from 1, of all that is in `tree`, which `text` parses to.

    What stands inside a list or an inline table has the line that begins on.
    """
    stated = _stated(text)
    lines: dict[str, int] = {}
    for path, above in _paths(tree, ""):
        lines[path] = stated.get(path) or lines.get(above, 1)
    return lines


def _paths(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            inner = join(path, key)
            yield inner, path
            yield from _paths(item, inner)


def _stated(text: str) -> dict[str, int]:
    """Lines of the paths that have a statement of their own: a header or a key."""
    lines: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for statement, line in _statements(text):
        if statement.startswith("["):
            table = _path(tomllib.loads(statement), "", counts)
            lines.setdefault(table, line)
        elif found := _KEY.match(statement):
            lines[_path(tomllib.loads(found[0] + "0"), table, {})] = line
    return lines


def _statements(text: str) -> Iterator[tuple[str, int]]:
    """Each header or key with its value, and the line it begins on."""
    depth, start, line = 0, 0, 1
    for token in _TOKEN.finditer(text + "\n"):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth == 0:
                if statement := text[start : token.start()].strip():
                    yield statement, line
                line += text.count("\n", start, token.end())
                start = token.end()


def _path(nested: Any, table: str, counts: dict[str, int]) -> str:
    """The path of a document with one chain of keys; a list of tables counts its own up."""
    path = table
    while nested and isinstance(nested, dict):
        key, nested = next(iter(nested.items()))
        path = join(path, key)
        if isinstance(nested, list):
            counts[path] = counts.get(path, -1) + 1
            path, nested = join(path, counts[path]), nested[0]
        elif path in counts:
            path = join(path, counts[path])
    return path
