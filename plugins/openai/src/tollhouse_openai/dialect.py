"""The dialect of `/v1/chat/completions`, `/v1/embeddings` and `/v1/models`.

Source: https://platform.openai.com/docs/api-reference (openai-openapi's openapi.yaml), and what compatible
hosts were recorded to send.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Decoder, Encoder, Receipt, Request, Route
from tollhouse.neutral import Body, Embed

from .alike import Alike
from .decode import read_chat, read_embed
from .decoder import ChatDecoder
from .embeddings import EmbedDecoder, EmbedEncoder
from .encode import write_chat, write_embed
from .encoder import encoder_of
from .models import ModelsEncoder
from .name import NAME
from .request import address, read_request


class OpenAIDialect(Alike):
    """OpenAI's wire format."""

    name = NAME
    routes: Sequence[Route] = (
        Route("POST", "/v1/chat/completions", "chat"),
        Route("POST", "/chat/completions", "chat"),
        Route("POST", "/v1/embeddings", "embed"),
        Route("POST", "/embeddings", "embed"),
        Route("POST", "/openai/deployments/{model}/chat/completions", "chat"),
        Route("POST", "/openai/deployments/{model}/embeddings", "embed"),
        Route("GET", "/v1/models", "models", body="none"),
        Route("GET", "/models", "models", body="none"),
        Route("GET", "/v1/models/{rest}", "models", body="none"),
        Route("*", "/v1/{rest}", "passthrough", body="stream"),
    )

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs; in Azure's form of the path `tail` is the model. Raises `Rejected` (400)
        naming the field."""
        return read_request(raw, route, tail, self)

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form. Raises `Rejected` (400) naming the field."""
        return read_embed(raw) if route.task == "embed" else read_chat(raw)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """OpenAI's bytes for a request of any dialect. A stream always asks for its usage."""
        body = request.body
        return write_embed(body, model) if isinstance(body, Embed) else write_chat(body, request, model)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes for the upstream's model, asking for usage in a stream."""
        return address(request, model)

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        return EmbedDecoder() if task == "embed" else ChatDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        if request.task == "models":
            return ModelsEncoder(request)
        return EmbedEncoder(request) if request.task == "embed" else encoder_of(request, self._clock)
