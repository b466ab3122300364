"""The dialect of `/v1/completions`, OpenAI's first.

Source: https://platform.openai.com/docs/api-reference/completions (openai-openapi's openapi.yaml).
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Decoder, Encoder, Receipt, Rejected, Request, Route
from tollhouse.neutral import Body, Chat

from ..alike import Alike
from ..decoder import ChatDecoder
from ..request import address
from .encoder import encoder_of
from .name import NAME
from .request import read_chat, read_request, write_prompt


class CompletionsDialect(Alike):
    """OpenAI's wire format for plain completions. Its chunks and bodies are those of chat completions, but for the
    text of a choice."""

    name = NAME
    routes: Sequence[Route] = (
        Route("POST", "/v1/completions", "chat"),
        Route("POST", "/completions", "chat"),
        Route("POST", "/openai/deployments/{model}/completions", "chat"),
    )

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs; in Azure's form of the path `tail` is the model. Raises `Rejected` (400)
        naming the field."""
        return read_request(raw, route, tail, self)

    def decode(self, raw: bytes, route: Route) -> Body:
        """The prompt as a user's turn. Raises `Rejected` (400) naming the field."""
        return read_chat(raw)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """The bytes for a request of this dialect. Raises `Rejected` (400) for others."""
        body = request.body
        if not isinstance(body, Chat):
            raise Rejected("Only prompts can be completed.", code="unsupported_parameter")
        return write_prompt(body, request, model)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes for the upstream's model, asking for usage in a stream."""
        return address(request, model)

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        return ChatDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        return encoder_of(request, self._clock)
