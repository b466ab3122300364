"""What all of OpenAI's dialects do alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tollhouse import Edit, ProviderError, Rejected
from tollhouse.dialect import Headers
from tollhouse.json_patch import patch

from .errors import error_body, failure


class Alike:
    """One host, one kind of JSON, one kind of error."""

    id_header = "x-request-id"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Change only these values. Raises `ValueError` for a path that does not exist."""
        return patch(raw, edits)

    def error(self, error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, Headers, bytes]:
        """An error as a whole response."""
        return status, {"content-type": "application/json"}, error_body(error, status)

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """What an error response of a host of this dialect means."""
        return failure(status, headers, body)
