"""The dialect of `/v1/messages`, `/v1/messages/count_tokens` and, for clients of Anthropic's, `/v1/models`.

Source: https://platform.claude.com/docs/en/api/messages, the types of anthropic-sdk-python, and what was recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tollhouse import Decoder, Edit, Encoder, ProviderError, Receipt, Rejected, Request, Route
from tollhouse.dialect import Headers
from tollhouse.neutral import Body, Chat

from .count import CountDecoder, CountEncoder
from .decode import read_chat
from .decoder import MessageDecoder
from .encode import write_chat
from .encoder import encoder_of
from .errors import error_response, failure
from .models import ModelsEncoder
from .name import NAME
from .patch import patch_inputs
from .request import address, read_request
from .settings import DEFAULT_MAX_TOKENS


def claims(headers: Headers) -> bool:
    """Whether a request to a path that other dialects have too comes from a client of Anthropic's."""
    return "anthropic-version" in headers


def new_id(prefix: str) -> str:
    """The id of a message or a tool call to which the upstream gave none."""
    return prefix + os.urandom(12).hex()


class AnthropicDialect:
    """Anthropic's wire format."""

    name = NAME
    id_header = "request-id"
    routes: Sequence[Route] = (
        Route("POST", "/v1/messages", "chat"),
        Route("POST", "/v1/messages/count_tokens", "count"),
        Route("*", "/v1/messages/{rest}", "passthrough", body="stream"),
        Route("GET", "/v1/models", "models", body="none", claims=claims),
        Route("GET", "/v1/models/{rest}", "models", body="none", claims=claims),
        Route("*", "/v1/{rest}", "passthrough", body="stream", claims=claims),
    )

    def __init__(self, max_tokens: int = DEFAULT_MAX_TOKENS, ids: Callable[[str], str] = new_id) -> None:
        self._max_tokens, self._ids = max_tokens, ids

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs. Raises `Rejected` (400) naming the field."""
        return read_request(raw, route, self)

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form; tokens are counted of a chat. Raises `Rejected` (400) naming the field."""
        return read_chat(raw)

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Change only these values. Raises `ValueError` for a path that does not exist."""
        return patch_inputs(raw, edits)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """Anthropic's bytes for a chat of any dialect. Raises `Rejected` (400) for what it cannot ask at all."""
        body = request.body
        if not isinstance(body, Chat):
            raise Rejected(
                f"The model `{request.model[:100]}` is served by Anthropic's API, which does not {request.task}.",
                code="unsupported_task",
                param="model",
            )
        return write_chat(body, request, model, self._max_tokens)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes for the upstream's model; streams always tell their usage."""
        return address(request, model)

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        return CountDecoder() if task == "count" else MessageDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        if request.task == "models":
            return ModelsEncoder(request)
        return CountEncoder() if request.task == "count" else encoder_of(request, self._ids)

    def error(self, error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, Headers, bytes]:
        """An error as a whole response."""
        return error_response(error, status, request_id)

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """What an error response of a host of this dialect means."""
        return failure(status, headers, body)
