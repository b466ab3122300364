"""How deep the smallest instance of a schema is, so that a recursive schema can be made to end."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

from .scalars import Unsatisfiable

_MOST = 500
"""Different references a document may hold."""


class Heights:
    """Says the least depth of an instance of a schema; infinite when it has none.

    References make it a fixed point: each starts as infinite, and is lowered until nothing changes.
    """

    def __init__(self, document: Any) -> None:
        self._of: dict[str, float] = dict.fromkeys(_references(document), math.inf)
        if len(self._of) > _MOST:
            raise Unsatisfiable(f"the schema has more than {_MOST} different references.")
        targets = {reference: resolve(document, reference) for reference in self._of}
        changed = True
        while changed:
            changed = False
            for reference, target in targets.items():
                if (height := 1 + self(target)) < self._of[reference]:
                    self._of[reference], changed = height, True

    def __call__(self, schema: Any) -> float:
        """The least depth; 0 for a plain value."""
        if isinstance(schema, bool):
            return 0 if schema else math.inf
        if "const" in schema:
            return 0
        if "enum" in schema:
            return 0 if schema["enum"] else math.inf
        if "$ref" in schema:
            return self._of[schema["$ref"]]
        height = self._typed(schema)
        for part in schema.get("allOf") or ():
            height = max(height, self(part))
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                height = max(height, 1 + min(self(branch) for branch in schema[word]))
        return height

    def _typed(self, schema: dict[str, Any]) -> float:
        kind = schema.get("type")
        if isinstance(kind, list):
            return min((self._typed({**schema, "type": one}) for one in kind), default=math.inf)
        deepest = -1.0
        if kind in (None, "object"):
            further, properties = schema.get("additionalProperties", True), schema.get("properties", {})
            for key in schema.get("required", ()):
                deepest = max(deepest, self(properties.get(key, further)))
        if kind in (None, "array") and (least := int(schema.get("minItems", 0))) > 0:
            first = schema.get("prefixItems", [])[:least]
            rest = [schema.get("items", True)] if least > len(first) else []
            deepest = max(deepest, *(self(item) for item in (*first, *rest)))
        return deepest + 1


def resolve(document: Any, reference: str) -> Any:
    """What a reference such as `#/$defs/Step` points at. Raises `Unsatisfiable` if nowhere or outside."""
    found = document
    if not reference.startswith("#"):
        raise Unsatisfiable(f"the reference {reference:.80} leaves the schema.")
    try:
        for step in reference[1:].split("/")[1:]:
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (KeyError, IndexError, ValueError) as error:
        raise Unsatisfiable(f"the reference {reference:.80} points nowhere.") from error
    return found


def _references(document: Any) -> set[str]:
    found: set[str] = set()
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                found.add(node["$ref"])
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found
