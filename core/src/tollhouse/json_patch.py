"""Edits of JSON by path that leave every other value's bytes, the order of keys and unknown fields alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from .dialect import Edit

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode

_Tree = dict[str | int, Any]
"""Edits by path: inner nodes are trees, leaves are edits."""


def patch(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """`raw` with the edits applied: paths speak of `raw` as it was, a missing object on the way is made, removing
    what is not there does nothing. Raises `ValueError` for a path through a value that is no container, and for two
    edits of one value."""
    tree: _Tree = {}
    for edit in edits:
        if not edit.path:
            return bytes(_encode(edit.value))
        node = tree
        for key in edit.path[:-1]:
            node = node.setdefault(key, {})
            if type(node) is Edit:
                raise ValueError(f"two edits of one value: {path_words(edit.path)}")
        node[edit.path[-1]] = edit
    return bytes(_walk(raw, tree, ())) if tree else raw


def path_words(path: Sequence[str | int]) -> str:
    """A path as people write it: `messages[0].content`."""
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")


def _walk(raw: bytes | Raw, tree: _Tree, at: tuple[str | int, ...]) -> bytes:
    try:
        if isinstance(next(iter(tree)), int):
            return _array(_ARRAY.decode(raw), tree, at)
        return _object(_OBJECT.decode(raw), tree, at)
    except msgspec.DecodeError as error:
        raise ValueError(f"nothing to edit at {path_words(at) or 'the top'}: {error}") from None


def _object(fields: dict[str, Raw], tree: _Tree, at: tuple[str | int, ...]) -> bytes:
    for key, edit in tree.items():
        name = str(key)
        if not isinstance(edit, Edit):
            inner = fields.get(name, Raw(b"{}"))
            fields[name] = Raw(_walk(b"{}" if bytes(inner) == b"null" else inner, edit, (*at, name)))
        elif edit.remove:
            fields.pop(name, None)
        else:
            fields[name] = Raw(_encode(edit.value))
    return _encode(fields)


def _array(items: list[Raw], tree: _Tree, at: tuple[str | int, ...]) -> bytes:
    kept: list[Raw | None] = list(items)
    for key, edit in tree.items():
        if not isinstance(key, int) or not 0 <= key < len(items):
            raise ValueError(f"nothing to edit at {path_words((*at, key))}")
        if not isinstance(edit, Edit):
            kept[key] = Raw(_walk(items[key], edit, (*at, key)))
        else:
            kept[key] = None if edit.remove else Raw(_encode(edit.value))
    return _encode([item for item in kept if item is not None])
