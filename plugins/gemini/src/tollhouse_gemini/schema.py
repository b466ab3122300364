"""Schemas: Gemini's own kind, a subset of OpenAPI's, as JSON Schema, and JSON Schema as Gemini takes it.

Sources: https://ai.google.dev/api/caching#Schema and https://ai.google.dev/gemini-api/docs/structured-output
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import read
from tollhouse.neutral import Path

_INNER = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_SNAKE = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties",
}
_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_any = msgspec.json.Decoder(Any)
_encode = msgspec.json.Encoder().encode

_Node = dict[str, Any]


def from_gemini(raw: Raw, path: Path) -> Raw:
    """A `Schema` of Gemini's as JSON Schema. Raises `Rejected` (400) when it is no object."""
    return _walked(raw, path, _plain)


def to_gemini(schema: Raw) -> Raw:
    """JSON Schema without what Gemini refuses: `$schema`, `discriminator` and `examples` go, `const` becomes an
    `enum` of one. Every value that fitted still fits, and no other."""
    return _walked(schema, (), _accepted)


def _walked(raw: Raw, path: Path, change: Callable[[_Node], None]) -> Raw:
    said = read(raw, _any, path)
    if not isinstance(said, dict):
        raise Rejected("A schema must be an object.", param=".".join(map(str, path)) or None)
    try:
        return Raw(_encode(_walk(said, change)))
    except RecursionError:
        raise Rejected("The schema is nested too deeply.", code="invalid_json") from None


def _walk(node: Any, change: Callable[[_Node], None]) -> Any:
    if not isinstance(node, dict):
        return node
    change(node)
    for name in _INNER:
        if name in node:
            node[name] = _walk(node[name], change)
    for name in _LISTS:
        if isinstance(node.get(name), list):
            node[name] = [_walk(inner, change) for inner in node[name]]
    for name in _MAPS:
        if isinstance(node.get(name), dict):
            node[name] = {key: _walk(inner, change) for key, inner in node[name].items()}
    return node


def _plain(node: _Node) -> None:
    """Types in lower case, `nullable` as a type of its own, counts as numbers."""
    for spelled, name in _SNAKE.items():
        if spelled in node:
            node.setdefault(name, node.pop(spelled))
    kind = node.get("type")
    if isinstance(kind, str):
        node["type"] = kind = kind.lower()
        if kind == "type_unspecified":
            del node["type"]
    if "nullable" in node and node.pop("nullable") is True:
        if isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        elif isinstance(node.get("anyOf"), list):
            node["anyOf"].append({"type": "null"})
        if isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"].append(None)
    for name in _NUMBERS:
        if isinstance(node.get(name), str) and node[name].isdecimal():
            node[name] = int(node[name])


def _accepted(node: _Node) -> None:
    for name in ("$schema", "discriminator", "examples"):
        node.pop(name, None)
    if "const" in node:
        value = node.pop("const")
        node.setdefault("enum", [value])
        if kind := _KINDS.get(type(value)):
            node.setdefault("type", kind)
