"""The dialect of `/model/MODEL/converse` and its kin.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html, the model
of the service that botocore brings, and what was recorded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from tollhouse import Decoder, Edit, Encoder, ProviderError, Receipt, Rejected, Request, Route
from tollhouse.dialect import Headers
from tollhouse.neutral import Body, Chat

from .count import CountDecoder
from .decode import read_chat
from .decoder import ConverseDecoder
from .encode import write_chat
from .encoder import StreamEncoder
from .errors import error_response, failure
from .name import NAME
from .patch import patch_body
from .request import STREAM, Asked, read_request
from .whole import BodyEncoder, CountEncoder


def new_id() -> str:
    """The id of a tool call to which the upstream gave none."""
    return "tooluse_" + os.urandom(11).hex()


class BedrockDialect:
    """Amazon Bedrock's wire format. `clock` is monotonic, in seconds: replies tell how long they took."""

    name = NAME
    id_header = "x-amzn-requestid"
    routes: Sequence[Route] = (
        Route("POST", "/model/{model:path}/converse", "chat"),
        Route("POST", "/model/{model:path}" + STREAM, "chat"),
        Route("POST", "/model/{model:path}/count-tokens", "count"),
        Route("*", "/model/{rest}", "passthrough", body="stream"),
        Route("*", "/guardrail/{rest}", "passthrough", body="stream"),
    )

    def __init__(self, clock: Callable[[], float] = time.monotonic, ids: Callable[[], str] = new_id) -> None:
        self._clock, self._ids = clock, ids

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs; `tail` is the model. Raises `Rejected` (400) naming the field."""
        return read_request(raw, route, tail, self, self._clock())

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form. Raises `Rejected` (400) naming the field."""
        if route.task == "count":
            raise Rejected("A count of tokens is answered only by who speaks Bedrock's dialect.", code="not_countable")
        return read_chat(raw)

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Change only these values. Raises `ValueError` for a path that does not exist."""
        return patch_body(raw, edits)

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """Converse's bytes for a chat of any dialect. Raises `Rejected` (400) for what it cannot ask at all."""
        body = request.body
        if not isinstance(body, Chat):
            raise Rejected(
                f"The model `{request.model[:100]}` is served by Amazon Bedrock's Converse, which does not "
                f"{request.task}.",
                code="unsupported_task",
                param="model",
            )
        return write_chat(body, request, model)

    def address(self, request: Request, model: str) -> bytes:
        """The caller's bytes: the model stands in the address, and streams always tell their usage."""
        return request.raw

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        return CountDecoder() if task == "count" else ConverseDecoder()

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        if request.task == "count":
            return CountEncoder()
        began = request.at if isinstance(request, Asked) else self._clock()

        def latency() -> int:
            return max(0, round((self._clock() - began) * 1000))

        return StreamEncoder(self._ids, latency) if request.stream else BodyEncoder(self._ids, latency)

    def error(self, error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, Headers, bytes]:
        """An error as a whole response."""
        return error_response(error, status)

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """What an error response of a host of this dialect means."""
        return failure(status, headers, body)
