"""The dialect of `/v1/responses`.

Source: https://platform.openai.com/docs/api-reference/responses (openai-openapi's openapi.yaml), and what OpenAI,
Azure, xAI and other hosts were recorded to send.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Decoder, Encoder, Receipt, Request, Route
from tollhouse.neutral import Body, Embed

from ..alike import Alike
from ..encode import write_embed
from .count import CountDecoder, CountEncoder
from .decode import read_chat
from .decoder import ResponseDecoder
from .encode import write_chat
from .encoder import encoder_of
from .name import NAME
from .request import address, read_request


class ResponsesDialect(Alike):
    """OpenAI's wire format for responses."""

    name = NAME
    routes: Sequence[Route] = (
        Route("POST", "/v1/responses", "chat"),
        Route("POST", "/responses", "chat"),
        Route("POST", "/openai/responses", "chat"),
        Route("POST", "/v1/responses/input_tokens", "count"),
        Route("POST", "/v1/responses/compact", "compact"),
        Route("POST", "/responses/compact", "compact"),
        Route("GET", "/v1/responses/{rest}", "passthrough", body="none"),
        Route("DELETE", "/v1/responses/{rest}", "passthrough", body="none"),
        Route("POST", "/v1/responses/{rest}", "passthrough", body="stream"),
    )

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs. Raises `Rejected` (400) naming the field."""
        return read_request(raw, route, tail, self)

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form. Raises `Rejected` (400) naming the field."""
        return read_chat(raw)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """The bytes for a request of any dialect; embeddings are asked for as everywhere at OpenAI. Raises `Rejected`
        (400) for what a response cannot be."""
        body = request.body
        return write_embed(body, model) if isinstance(body, Embed) else write_chat(body, request, model)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes for the upstream's model."""
        return address(request, model)

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        return ResponseDecoder() if task == "chat" else CountDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        return encoder_of(request, self._clock) if request.task == "chat" else CountEncoder()
