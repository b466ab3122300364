"""The ASGI entry: match, read, watch for the caller leaving, and let the journey do the rest."""

from __future__ import annotations

import asyncio
import logging

from ..dialect import Route
from ..errors import PluginFailed, Rejected
from ..exchange import Exchange, new_id
from ..gateway import Gateway
from ..hooks import Endpoint
from ..journey import Journey
from ..journey.verdict import internal
from ..lapse import Lapses
from ..principal import ANONYMOUS
from ..routes import Match
from ..wire import request_id, retry_headers
from .asgi import Message, Receive, Scope, Send
from .body import Body
from .head import has_body, read_head
from .health import health, landing
from .lingering import Lingering
from .response import HttpSink, respond
from .watch import LATE, Watch

log = logging.getLogger("tollhouse.front")

ENDPOINT = Route("*", "", "endpoint", body="none")
"""The route of a plugin's endpoint, for the exchange that authenticates its caller."""

HOPPING = frozenset({"CONNECT", "TRACE"})
"""Methods that are meant for the hop itself and are never passed on."""


class Front:
    """Serves a gateway over ASGI. The gateway is started and closed by whoever made it, not by lifespan events."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._late: Lapses | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] != "http":
            await _no_http(scope["type"], receive, send)
            return
        edition = self.gateway.edition
        method, path = scope["method"], scope["path"]
        try:
            headers = read_head(scope, edition.config.server)
        except Rejected as error:
            await self._refuse(Lingering(receive, send).send, path, {}, error)
            return
        passable = method not in HOPPING and "//" not in path  # an upstream may read two slashes as one
        match = edition.routes.match(method, path, headers) if passable else None
        if match is not None and not self.gateway.draining:
            await self._exchange(scope, receive, send, match, headers)
            return
        if has_body(scope, headers):
            lingering = Lingering(receive, send)
            receive, send = lingering.receive, lingering.send
        if match is not None:
            refusal = _drained()
            await respond(send, refusal, match.dialect, request_id(headers), retry_headers(refusal))
        else:
            await self._other(scope, receive, send, headers)

    async def _exchange(
        self, scope: Scope, receive: Receive, send: Send, match: Match, headers: dict[str, str]
    ) -> None:
        exchange = _made(self.gateway, scope, match, headers)
        if self._late is None:
            self._late = Lapses(LATE)
        watch = Watch(receive, exchange, self._late)
        body = Body(receive, headers, exchange.edition.config.server, exchange.leave, watch.begin)
        comes = has_body(scope, headers)
        if match.route.body == "stream" and comes:
            exchange.upload = body.stream()
        elif match.route.body != "read":
            watch.begin()
        sink = HttpSink(receive, send, body if comes else None, head=scope["method"] == "HEAD")
        task = asyncio.current_task(self.gateway.deadlines.running())
        assert task is not None
        try:
            await Journey(exchange, sink).run(body.read)
            if task.cancelling():
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not exchange.left or task.uncancel() > 0:
                raise
        finally:
            watch.close()

    async def _other(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        """What is no exchange."""
        gateway, method, path = self.gateway, scope["method"], scope["path"]
        if path in ("/healthz", "/readyz") and method in ("GET", "HEAD"):
            await health(gateway, path, send)
            return
        if path == "/" and method in ("GET", "HEAD"):
            await landing(send)
            return
        endpoint = gateway.edition.routes.endpoint(scope)
        if endpoint is not None:
            await self._endpoint(scope, receive, send, endpoint, headers)
            return
        await self._refuse(
            send, path, headers, Rejected(f"There is no {method} {path[:200]}.", status=404, code="not_found")
        )

    async def _endpoint(
        self, scope: Scope, receive: Receive, send: Send, endpoint: Endpoint, headers: dict[str, str]
    ) -> None:
        """A plugin's route, after the core has checked that the caller reaches its access level. A `Rejected` it
        raises before it answers is worded here."""
        scope["tollhouse.request_id"] = headers["x-request-id"] = request_id(headers) or new_id()
        if endpoint.access != "public":
            try:
                await self._authorise(scope, endpoint, headers)
            except Rejected as error:
                await self._refuse(send, scope["path"], headers, error, nearest=False)
                return
            except PluginFailed:
                await self._refuse(send, scope["path"], headers, internal(), nearest=False)
                return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await endpoint.app(scope, receive, sending)
        except Rejected as error:
            if started:
                raise
            await self._refuse(send, scope["path"], headers, error, nearest=False)
        except Exception:
            log.exception("the endpoint %s failed", endpoint.path)
            raise

    async def _authorise(self, scope: Scope, endpoint: Endpoint, headers: dict[str, str]) -> None:
        gateway = self.gateway
        chain = gateway.edition.chain
        step = chain["authenticate"] or chain["vouch"]
        dialect = gateway.edition.routes.dialect_for(scope["path"], headers)
        if dialect is None:
            raise Rejected("No dialect is loaded.", status=404, code="not_found")
        exchange = Exchange(
            gateway,
            gateway.edition,
            dialect=dialect,
            route=ENDPOINT,
            headers=headers,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            origin=_origin(scope),
        )
        principal = (await step.first(exchange))[0] if step else ANONYMOUS
        if principal is None and not chain["authenticate"] and ANONYMOUS.may(endpoint.access):
            principal = ANONYMOUS
        if principal is None:
            raise Rejected("No valid API key was given.", status=401, code="invalid_api_key")
        if not principal.may(endpoint.access):
            raise Rejected(f"This needs {endpoint.access} access.", status=403, code="forbidden")
        scope["tollhouse.principal"] = principal

    async def _refuse(
        self, send: Send, path: str, headers: dict[str, str], error: Rejected, *, nearest: bool = True
    ) -> None:
        """An error before any exchange exists, in the dialect that knows the path; in the `nearest` where none does,
        else in none."""
        dialect = self.gateway.edition.routes.dialect_for(path, headers, nearest=nearest)
        await respond(send, error, dialect, request_id(headers), retry_headers(error))


def _drained() -> Rejected:
    """For a request that comes after the end was announced; on a new connection it may reach somebody who stays."""
    return Rejected(
        "The gateway is shutting down; try again.",
        status=503,
        type="server_error",
        code="draining",
        retry_after=1.0,
        headers={"connection": "close"},
    )


def _made(gateway: Gateway, scope: Scope, match: Match, headers: dict[str, str]) -> Exchange:
    exchange = Exchange(
        gateway,
        gateway.edition,
        dialect=match.dialect,
        route=match.route,
        headers=headers,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        origin=_origin(scope),
        request_id=request_id(headers),
    )
    exchange.tail, exchange.addressed = match.tail, match.provider
    return exchange


def _origin(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _no_http(kind: str, receive: Receive, send: Send) -> None:
    if kind == "lifespan":
        await _lifespan(receive, send)
    elif kind == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "no websockets here"})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
