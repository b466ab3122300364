"""The OpenAPI document, made from the routes and the types they answer with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from tollhouse import __version__

from .http import Route
from .settings_shapes import Document, Failure

REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_ERRORS = {
    "400": "The query or the body is not what it should be.",
    "401": "No valid key was given.",
    "403": "The key may not do this, or the request came by a host or from a page that may not ask.",
    "404": "There is no such thing.",
    "409": "It cannot be done as things are.",
    "413": "The body is too large.",
    "503": "The store does not answer.",
}


def document(routes: Sequence[Route]) -> Document:
    """The document of all these routes."""
    types = [kind for route in routes for kind in (route.answers, route.takes) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Failure], ref_template=REF)
    named = dict(zip([*types, Failure], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named)
    return Document(
        openapi="3.1.0",
        info={"title": "Tollhouse admin API", "version": __version__, "license": {"name": "Apache-2.0"}},
        paths=paths,
        components={
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        security=[{"key": []}],
    )


def _operation(route: Route, named: dict[type, Any]) -> dict[str, Any]:
    names = _PARAMETER.findall(route.path)
    inside = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]
    asked = [
        {"name": name, "in": "query", "required": False, "description": says, "schema": _TEXT}
        for name, says in route.query.items()
    ]
    good = _content(named[route.answers]) if route.answers is not None else {"text/event-stream": {"schema": _TEXT}}
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path.removeprefix('/admin/v1')}").strip("_"),
        "summary": route.says,
        "description": f"Access: {route.access}.",
        "parameters": inside + asked,
        "responses": {
            str(route.status): {"description": route.says, "content": good},
            **{code: {"description": words, "content": _content(named[Failure])} for code, words in _ERRORS.items()},
        },
    }
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(named[route.takes])}
    return operation


def _content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


_TEXT = {"type": "string"}
