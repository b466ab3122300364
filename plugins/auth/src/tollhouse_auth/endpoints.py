"""Keys over HTTP: list, make, revoke, rotate, and who am I."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from tollhouse import Endpoint, Principal, Rejected, StoreError
from tollhouse.clock import Clock
from tollhouse.config import AmountError, Duration
from tollhouse.edition import Edition
from tollhouse.front.body import small_body
from tollhouse.principal import Access

from .keyring import PAGE, Actor, Keyring
from .showing import Shown, from_file, from_store
from .wish import Wish

LARGEST = 65536
"""Bytes of the largest body that is read."""

GRACE = "24h"
"""How long the old secret of a rotated key works unless said otherwise."""

LONGEST_GRACE = 90 * 86400.0

Scope = Any
T = TypeVar("T")


class Rotation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a rotation; may be absent."""

    grace: str | int | float = GRACE


class Listing(Struct, frozen=True, kw_only=True):
    """A page of keys: those of the file before the first of the store."""

    keys: list[Shown]
    next: str | None = None
    """The `after` of the next page."""


class KeyEndpoints:
    """The routes of one edition; `open` gives them what they work with before any of them is called."""

    def open(self, keyring: Keyring, edition: Edition, clock: Clock) -> None:
        """The edition has started."""
        self._keyring, self._edition, self._clock = keyring, edition, clock

    def routes(self) -> Sequence[Endpoint]:
        """What the plugin brings."""
        return (
            self._route("/admin/v1/keys", "GET", "viewer", self._list),
            self._route("/admin/v1/keys", "POST", "admin", self._create),
            self._route("/admin/v1/keys/self", "GET", "caller", self._self),
            self._route("/admin/v1/keys/{name}/revoke", "POST", "admin", self._revoke),
            self._route("/admin/v1/keys/{name}/rotate", "POST", "admin", self._rotate),
        )

    async def _list(self, scope: Scope, body: bytes) -> Struct:
        now = self._clock.time()
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        after = query.get("after", "")[:64]
        records = await self._keyring.page(after)
        keys = [from_store(record, now) for record in records]
        last = records[-1].name if len(records) == PAGE else None
        return Listing(keys=keys if after else [*from_file(self._edition, now), *keys], next=last)

    async def _self(self, scope: Scope, body: bytes) -> Struct:
        principal: Principal = scope["tollhouse.principal"]
        now = self._clock.time()
        for shown in from_file(self._edition, now):
            if shown.name == principal.key:
                return shown
        record = await self._keyring.get(principal.key)
        return from_store(record, now) if record else Shown.of(principal)

    async def _create(self, scope: Scope, body: bytes) -> Struct:
        wish = _read(body, Wish)
        fresh = await self._keyring.create(wish, self._edition, _actor(scope))
        return from_store(fresh.record, self._clock.time(), secret=fresh.secret)

    async def _revoke(self, scope: Scope, body: bytes) -> Struct:
        record = await self._keyring.revoke(self._name(scope), _actor(scope))
        return from_store(record, self._clock.time())

    async def _rotate(self, scope: Scope, body: bytes) -> Struct:
        grace = read_grace(_read(body or b"{}", Rotation).grace)
        fresh = await self._keyring.rotate(self._name(scope), grace, _actor(scope))
        return from_store(fresh.record, self._clock.time(), secret=fresh.secret)

    def _name(self, scope: Scope) -> str:
        name: str = scope["path_params"]["name"]
        if name in self._edition.config.keys:
            raise Rejected(
                f"The key `{name}` stands in {self._edition.loaded.path.name}; change it there.",
                status=409,
                code="key_in_file",
                param="name",
            )
        return name

    def _route(self, path: str, method: str, access: Access, work: _Work) -> Endpoint:
        async def app(scope: Scope, receive: Any, send: Any) -> None:
            body = await small_body(receive, LARGEST) if method == "POST" else b""
            try:
                answer = await work(scope, body)
            except StoreError:
                raise Rejected(
                    "The store of keys is out of reach; try again shortly, and look whether the change was made.",
                    status=503,
                    type="server_error",
                    code="store_unavailable",
                    retry_after=1.0,
                ) from None
            data = msgspec.json.encode(answer)
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(data)).encode()),
                (b"cache-control", b"no-store"),
                (b"x-request-id", scope["tollhouse.request_id"].encode("latin-1")),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": data})

        return Endpoint(path, app, (method,), access)


_Work = Callable[[Scope, bytes], Awaitable[Struct]]


def read_grace(value: str | float) -> float:
    """Seconds of a grace period: a duration, or "0" for none. Raises Rejected (400)."""
    if value in (0, "0", "off"):
        return 0.0
    try:
        seconds = float(Duration(value))
    except AmountError as error:
        raise Rejected(str(error), code="invalid_key", param="grace") from None
    if seconds > LONGEST_GRACE:
        raise Rejected("A grace period is at most 90 days.", code="invalid_key", param="grace")
    return seconds


def _actor(scope: Scope) -> Actor:
    return Actor(f"key:{scope['tollhouse.principal'].key}", scope["tollhouse.request_id"])


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Rejected(f"The body is not what it should be: {error}.", code="invalid_key") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("The body is no JSON object.", code="invalid_json") from None
