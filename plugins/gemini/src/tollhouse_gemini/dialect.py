"""The dialect of `/v1beta/models/MODEL:generateContent` and its kin.

Source: https://ai.google.dev/api, and what the Gemini API and Vertex AI were recorded to send.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Decoder, Edit, Encoder, ProviderError, Receipt, Rejected, Request, Route
from tollhouse.dialect import Headers
from tollhouse.neutral import Body, Embed

from .count import CountDecoder, CountEncoder
from .decode import read_chat
from .decoder import ChatDecoder
from .embed import read_embed, write_embed
from .encode import write_chat
from .encoder import encoder_of
from .errors import error_body, failure
from .fields import NAME
from .framing import JSON
from .models import ModelsEncoder
from .patch import patch
from .request import address, read_request
from .vectors import EmbedDecoder, EmbedEncoder

_METHODS = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count",
    "embedContent": "embed",
    "batchEmbedContents": "embed",
}
"""Tasks by the method a path ends with."""


def _ours(headers: Headers) -> bool:
    """Whether a path that dialects share is asked by a client of Google's."""
    return "x-goog-api-key" in headers


class GeminiDialect:
    """Gemini's wire format."""

    name = NAME
    id_header = "x-request-id"
    routes: Sequence[Route] = (
        *(
            Route("POST", f"/{version}/models/{{model}}:{method}", task)
            for version in ("v1beta", "v1")
            for method, task in _METHODS.items()
        ),
        Route("GET", "/v1beta/models", "models", body="none"),
        Route("GET", "/v1/models", "models", body="none", claims=_ours),
        Route("GET", "/v1beta/models/{rest}", "models", body="none"),
        Route("GET", "/v1/models/{rest}", "models", body="none", claims=_ours),
        Route("*", "/v1beta/{rest}", "passthrough", body="stream"),
    )

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs; `tail` is the model. Raises `Rejected` (400) naming the field."""
        return read_request(raw, route, tail, self)

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form. Raises `Rejected` (400) naming the field."""
        if route.task == "embed":
            return read_embed(raw, route)
        if route.task == "count":
            raise Rejected("A count of tokens is answered only by who speaks Gemini's dialect.", code="not_countable")
        return read_chat(raw)

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Change only these values. Raises `ValueError` for a path that does not exist."""
        return patch(raw, edits)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """Gemini's bytes for a request of any dialect."""
        body = request.body
        return write_embed(body, request, model) if isinstance(body, Embed) else write_chat(body, request, model)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes; a model they repeat becomes the upstream's."""
        return address(request, model)

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        if task == "count":
            return CountDecoder()
        return EmbedDecoder() if task == "embed" else ChatDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        match request.task:
            case "models":
                return ModelsEncoder(request)
            case "count":
                return CountEncoder()
            case "embed":
                return EmbedEncoder(request)
        return encoder_of(request)

    def error(self, error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, Headers, bytes]:
        """An error as a whole response; what others call 529 is 503 here."""
        status = 503 if status == 529 else status
        return status, {"content-type": JSON}, error_body(error, status)

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """What an error response of a host of this dialect means."""
        return failure(status, headers, body)
