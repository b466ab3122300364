"""Writes the list of models a caller may use, or a single one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Request
from tollhouse.neutral import Happening, Listing

from .errors import error_object
from .framing import JSON

METHODS = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
"""What may be asked of every model here; a model refuses what it cannot do."""

_encode = msgspec.json.Encoder().encode


class ModelsEncoder:
    """`GET /v1beta/models`, or `GET /v1beta/models/NAME` for a route that ends in `{rest}`."""

    content_type = JSON

    def __init__(self, request: Request) -> None:
        self._single = request.route.path.endswith("{rest}")
        self._models: list[str] = []

    def passes(self, frame: Frame) -> bytes:
        """A list that was answered elsewhere, untouched."""
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect."""
        for happening in happenings:
            if isinstance(happening, Listing):
                self._models.extend(happening.models)
        return b""

    def finish(self) -> bytes:
        """The object."""
        models = [_model(name) for name in self._models]
        return _encode(models[0] if self._single and models else {"models": models})

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


def _model(name: str) -> dict[str, Any]:
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": METHODS}
