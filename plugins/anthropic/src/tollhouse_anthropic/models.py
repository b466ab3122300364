"""Writes the list of models a caller may use, or a single one of them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse import Request
from tollhouse.neutral import Listing

from .whole import WholeEncoder

_encode = msgspec.json.Encoder().encode


class ModelsEncoder(WholeEncoder):
    """`GET /v1/models`, or `GET /v1/models/NAME` for a route that ends in `{rest}`. There is one page of all."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._single = request.route.path.endswith("{rest}")

    def body(self) -> bytes:
        """The object."""
        names = [name for one in self.happenings if isinstance(one, Listing) for name in one.models]
        models = [_model(name) for name in names]
        if self._single and models:
            return _encode(models[0])
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return _encode({"data": models, "has_more": False, **ends})


def _model(name: str) -> dict[str, Any]:
    """When a model was released nobody knows here; Anthropic says the epoch then."""
    return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
