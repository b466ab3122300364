"""JSON Schema to an instance of it: seeded, finite, and bounded in size.

Reads type, enum, const, properties, required, items, prefixItems, the bounds of numbers, strings and lists,
multipleOf, the common formats, anyOf, oneOf, allOf and references inside the document. `pattern`, `not` and
conditionals are not read.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

from .heights import Heights, resolve
from .scalars import Unsatisfiable, number, string, whole

_DEEP = 6
"""Levels below which only what is required is made."""
_WIDE = 500
"""Values after which only what is required is made."""
_LARGEST = 10_000
"""Values an instance may have at most."""
_TRIES = 20
"""How often an item is made anew that must differ from the others."""
_WORDLESS = frozenset(
    {"title", "description", "default", "examples", "$defs", "definitions", "$schema", "discriminator"}
)
"""Keys that say nothing about the instance."""


def instance(schema: Any, random: Random) -> Any:
    """A value that fits the schema. Raises `Unsatisfiable` when there is none, or only an enormous one."""
    try:
        return _Maker(schema, random).make(schema, 0, "")
    except Unsatisfiable:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Unsatisfiable("this is not a JSON Schema that can be followed.") from error


class _Maker:
    def __init__(self, document: Any, random: Random) -> None:
        self.document, self.random, self.made = document, random, 0
        self.height = Heights(document)

    def make(self, schema: Any, depth: int, name: str) -> Any:
        """A value for the schema of the property `name`."""
        self.made += 1
        if self.made > _LARGEST or not math.isfinite(self.height(schema)):
            raise Unsatisfiable("the schema has no instance of reasonable size.")
        if schema is True:
            return {}
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "$ref" in schema:
            return self.make(resolve(self.document, schema["$ref"]), depth + 1, name)
        if schema.get("allOf"):
            return self.make(self._joined(schema), depth, name)
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                return self._branch(schema, word, depth, name)
        return self._typed(schema, depth, name)

    def _joined(self, schema: dict[str, Any]) -> dict[str, Any]:
        """`allOf` folded into one schema: properties and required add up, otherwise the last word holds."""
        joined: dict[str, Any] = {}
        for part in [*schema["allOf"], {key: value for key, value in schema.items() if key != "allOf"}]:
            while isinstance(part, dict) and "$ref" in part:
                part = resolve(self.document, part["$ref"])
            if not isinstance(part, dict):
                continue
            properties = {**joined.get("properties", {}), **part.get("properties", {})}
            required = [*joined.get("required", []), *part.get("required", [])]
            nested = [*joined.get("allOf", []), *part.get("allOf", [])]
            joined |= part
            joined |= {"properties": properties} if properties else {}
            joined |= {"required": required} if required else {}
            joined |= {"allOf": nested} if nested else {}
        return joined

    def _branch(self, schema: dict[str, Any], word: str, depth: int, name: str) -> Any:
        """One of the branches that can end: any that says something at first, the shallowest when deep; what
        stands beside the branches holds for all of them."""
        beside = {key: value for key, value in schema.items() if key != word and key not in _WORDLESS}
        ending = [branch for branch in schema[word] if math.isfinite(self.height(branch))]
        if self._terse(depth):
            ending = [min(ending, key=self.height)]
        telling = [branch for branch in ending if branch is True or branch.get("type") != "null"]
        chosen = self.random.choice(telling or ending)
        return self.make({**beside, "allOf": [chosen]} if beside else chosen, depth + 1, name)

    def _typed(self, schema: dict[str, Any], depth: int, name: str) -> Any:
        kind = schema.get("type") or _implied(schema)
        if isinstance(kind, list):
            kind = self._one_of(kind, schema, depth)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth, name)
            case "string":
                return string(schema, name, self.random)
            case "integer":
                return whole(schema, self.random)
            case "number":
                return number(schema, self.random)
            case "boolean":
                return self.random.random() < 0.5
            case "null":
                return None
        raise Unsatisfiable(f"the schema has an unknown type: {kind!r:.40}.")

    def _one_of(self, kinds: list[str], schema: dict[str, Any], depth: int) -> str:
        """Of several types the first that can end and is not null; the shallowest when deep."""
        heights = {kind: self.height({**schema, "type": kind}) for kind in kinds}
        if self._terse(depth):
            return min(kinds, key=lambda kind: heights[kind])
        return next((kind for kind in kinds if kind != "null" and math.isfinite(heights[kind])), "null")

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        made: dict[str, Any] = {}
        for key, inner in properties.items():
            optional = key not in required
            if optional and (self._terse(depth) or not math.isfinite(self.height(inner))):
                continue
            made[key] = self.make(inner, depth + 1, key)
        further = schema.get("additionalProperties", True)
        for key in [key for key in required if key not in properties]:
            made[key] = self.make(further, depth + 1, key)
        return made

    def _array(self, schema: dict[str, Any], depth: int, name: str) -> list[Any]:
        first, items = schema.get("prefixItems", []), schema.get("items", True)
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, len(first) + 3)))
        if least > most or least > _LARGEST:
            raise Unsatisfiable(f"no list has at least {least} and at most {most} items.")
        length = least
        if not self._terse(depth):
            room = most if math.isfinite(self.height(items)) else len(first)
            length = max(least, min(most, room, len(first) + self.random.randint(1, 3)))
        made: list[Any] = []
        tries = _TRIES if schema.get("uniqueItems") else 1
        for n in range(length):
            item = first[n] if n < len(first) else items
            fresh = (self.make(item, depth + 1, name) for _ in range(tries))
            value = next((one for one in fresh if tries == 1 or one not in made), made)
            if value is made:
                break
            made.append(value)
        if len(made) < least:
            raise Unsatisfiable(f"a list of {least} different items was not found.")
        return made

    def _terse(self, depth: int) -> bool:
        return depth >= _DEEP or self.made >= _WIDE


def _implied(schema: dict[str, Any]) -> str:
    """The type a schema means without saying so."""
    if schema.keys() & {"items", "prefixItems", "minItems", "maxItems"}:
        return "array"
    if schema.keys() & {"minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"}:
        return "number"
    if schema.keys() & {"minLength", "maxLength", "format", "pattern"}:
        return "string"
    return "object"
