"""Webhooks over HTTP: list, deliveries, schemas; test, redeliver, enable, disable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from tollhouse import Endpoint, Rejected, StoreError
from tollhouse.front.body import small_body
from tollhouse.front.response import whole
from tollhouse.principal import Access

from . import standing as standings
from .catalogue import schemas
from .office import office_of
from .settings import Webhook
from .showing import again, attempt, deliveries, shown, unknown
from .standing import Off

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

LARGEST = 4096
"""Bytes of the largest body that is read."""

PAGE, LONGEST_PAGE = 100, 1000

Scope = Any
_Work = Callable[[Scope, bytes], Awaitable[Any]]


class Redelivery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a redelivery: one message, or all dead letters."""

    id: str = ""
    dead: bool = False


class WebhookEndpoints:
    """The routes of one configuration."""

    def __init__(self, gateway: Gateway, webhooks: Mapping[str, Webhook]) -> None:
        self._gateway, self._webhooks = gateway, webhooks

    def routes(self) -> Sequence[Endpoint]:
        """What the plugin brings."""
        one = "/admin/v1/webhooks/{name}"
        return (
            self._route("/admin/v1/webhooks", "GET", "viewer", self._list),
            self._route("/admin/v1/webhooks/schemas", "GET", "viewer", self._schemas),
            self._route(f"{one}/deliveries", "GET", "viewer", self._deliveries),
            self._route(f"{one}/test", "POST", "operator", self._test),
            self._route(f"{one}/redeliver", "POST", "operator", self._redeliver),
            self._route(f"{one}/enable", "POST", "operator", self._enable),
            self._route(f"{one}/disable", "POST", "operator", self._disable),
        )

    async def _list(self, scope: Scope, body: bytes) -> Any:
        store = self._gateway.store
        return {"items": [await shown(store, *one) for one in self._webhooks.items()], "next": ""}

    async def _schemas(self, scope: Scope, body: bytes) -> Any:
        return schemas()

    async def _deliveries(self, scope: Scope, body: bytes) -> Any:
        name, _ = self._named(scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        limit = query.get("limit", str(PAGE))
        if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit[:9]) <= LONGEST_PAGE:
            raise Rejected(f"`limit` is 1 to {LONGEST_PAGE}.", code="invalid_query", param="limit")
        items = await deliveries(self._gateway.store, name, int(limit), query.get("after", "")[:64])
        return {"items": items, "next": items[-1].cursor if len(items) == int(limit) else ""}

    async def _test(self, scope: Scope, body: bytes) -> Any:
        return await attempt(*self._named(scope), self._gateway.clock)

    async def _redeliver(self, scope: Scope, body: bytes) -> Any:
        name, _ = self._named(scope)
        try:
            asked = msgspec.json.decode(body or b"{}", type=Redelivery)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            asked = Redelivery()
        if bool(asked.id) == asked.dead:
            raise Rejected('Send {"id": "msg_..."} or {"dead": true}.', code="invalid_redelivery")
        count = await again(self._gateway.store, name, message=asked.id, dead=asked.dead)
        office_of(self._gateway).wake([name])
        return {"queued": count}

    async def _enable(self, scope: Scope, body: bytes) -> Any:
        name, webhook = self._named(scope)
        await standings.switch_on(self._gateway.store, name)
        return await shown(self._gateway.store, name, webhook)

    async def _disable(self, scope: Scope, body: bytes) -> Any:
        name, webhook = self._named(scope)
        by = scope["tollhouse.principal"].key or "an operator"
        off = Off(at=self._gateway.clock.time(), why=f"by {by}")
        await standings.switch_off(self._gateway.store, name, off)
        return await shown(self._gateway.store, name, webhook)

    def _named(self, scope: Scope) -> tuple[str, Webhook]:
        name: str = scope["path_params"]["name"]
        if name not in self._webhooks:
            raise unknown(name, self._webhooks)
        return name, self._webhooks[name]

    def _route(self, path: str, method: str, access: Access, work: _Work) -> Endpoint:
        async def app(scope: Scope, receive: Any, send: Any) -> None:
            try:
                body = await small_body(receive, LARGEST) if method == "POST" else b""
                answer = await work(scope, body)
            except StoreError:
                raise Rejected(
                    "The store is out of reach; try again shortly.",
                    status=503,
                    type="server_error",
                    code="store_unavailable",
                    retry_after=1.0,
                ) from None
            headers = {
                "content-type": "application/json",
                "cache-control": "no-store",
                "x-request-id": scope["tollhouse.request_id"],
            }
            await whole(send, 200, headers, msgspec.json.encode(answer))

        return Endpoint(path, app, (method,), access)
