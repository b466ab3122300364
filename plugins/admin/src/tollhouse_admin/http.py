"""One call of the API, from the bytes that came to the bytes that go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from tollhouse import Endpoint, Principal, Rejected, StoreError
from tollhouse.edition import Edition
from tollhouse.front.body import small_body
from tollhouse.front.response import whole
from tollhouse.gateway import Gateway
from tollhouse.principal import Access

from .guard import check_origin
from .node import Node, store_away
from .settings_shapes import ErrorBody, Failure, Problem

LARGEST = 1 << 20
"""Bytes of the largest body that is read."""
MOST = 1000
"""Items of the longest page."""

T = TypeVar("T")


class Faulty(Rejected):
    """A refusal with a list of what is wrong."""

    def __init__(self, message: str, *, status: int, code: str, errors: Sequence[Problem]) -> None:
        super().__init__(message, status=status, code=code)
        self.errors = list(errors)


@dataclass(slots=True)
class Call:
    """One call: who asks for what. `send` is for answers that flow."""

    node: Node
    edition: Edition
    scope: Any
    receive: Any
    send: Any
    query: dict[str, str]
    body: bytes = b""

    @property
    def gateway(self) -> Gateway:
        """The gateway that was asked."""
        return self.node.gateway

    @property
    def principal(self) -> Principal:
        """Who asks."""
        principal: Principal = self.scope["tollhouse.principal"]
        return principal

    @property
    def who(self) -> str:
        """Who asks, for the audit log."""
        return f"key:{self.principal.key}"

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, names in lower case."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    def read(self, kind: type[T]) -> T:
        """The body. Raises Rejected (400) for anything else, a field nobody knows included."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.ValidationError as error:
            raise Rejected(f"The body is not what it should be: {error}.", code="invalid_body") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Rejected("The body is no JSON object.", code="invalid_json") from None

    def limit(self, usual: int = 100) -> int:
        """How many items are wanted. Raises Rejected (400)."""
        said = self.query.get("limit", "")
        if not said:
            return usual
        if not said.isascii() or not said.isdigit() or not 1 <= int(said[:9]) <= MOST:
            raise Rejected(f"`limit` is a number from 1 to {MOST}.", code="invalid_query", param="limit")
        return int(said)

    def number(self, name: str, usual: float) -> float:
        """A number of the query. Raises Rejected (400)."""
        try:
            value = float(self.query.get(name) or usual)
        except ValueError:
            value = float("nan")
        if not 0 <= value < 1e12:
            raise Rejected(f"`{name}` is a time in unix seconds.", code="invalid_query", param=name)
        return value

    async def audit(self, action: str, what: str) -> None:
        """Write down that this call did something."""
        await self.node.book.write(self.who, action, what, self.scope["tollhouse.request_id"])


Work = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route and all that the OpenAPI document says of it. `answers` is the type of a good answer; one whose
    `work` returns None has answered by itself."""

    method: str
    path: str
    access: Access
    says: str
    work: Work
    answers: type | None
    takes: type | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Opened = Callable[[], tuple[Node, Edition]]


def endpoint(route: Route, opened: Opened, hosts: Callable[[], Sequence[str]]) -> Endpoint:
    """The route as the core wants it. `opened` gives what it works with, once the edition has started."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            node, edition = opened()
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            call = Call(node, edition, scope, receive, send, query)
            check_origin(call.headers, hosts())
            if route.takes is not None:
                call.body = await small_body(receive, LARGEST)
            answer = await route.work(call)
        except StoreError as error:
            await _fail(scope, send, store_away(error))
        except Rejected as error:
            await _fail(scope, send, error)
        else:
            if route.answers is not None:
                await _say(scope, send, route.status, answer)

    return Endpoint(route.path, app, (route.method,), route.access)


async def _say(scope: Any, send: Any, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
    head = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": scope["tollhouse.request_id"],
        **(headers or {}),
    }
    await whole(send, status, head, msgspec.json.encode(value))


async def _fail(scope: Any, send: Any, error: Rejected) -> None:
    said = getattr(error, "errors", [])
    body = ErrorBody(message=error.message, code=error.code, type=error.type, errors=said)
    headers = {"retry-after": f"{error.retry_after:g}"} if error.retry_after else {}
    await _say(scope, send, error.status, Failure(error=body), {**error.headers, **headers})
