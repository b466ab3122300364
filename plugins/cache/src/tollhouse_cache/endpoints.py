"""`/admin/v1/cache`: what is counted, and clearing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from tollhouse import Endpoint, Rejected, StoreError
from tollhouse.front.response import respond, whole

from .clearing import rule
from .clears import clear
from .counts import told
from .shelf import Shelf
from .stats import stats

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

PATH = "/admin/v1/cache"

Send = Callable[[Any], Awaitable[None]]


def endpoints(gateway: Gateway, shelf: Callable[[], Shelf]) -> Sequence[Endpoint]:
    """The two of them."""

    async def show(scope: Any, receive: Any, send: Send) -> None:
        own = shelf()
        try:
            workers = await told(gateway.store)
        except StoreError:
            workers = {}
        await _answer(send, stats({**workers, own.worker: own.now()}))

    async def forget(scope: Any, receive: Any, send: Send) -> None:
        now = gateway.clock.time()
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        try:
            ruled = rule(dict(pairs), now)
            await clear(gateway.store, ruled, now)
        except ValueError as error:
            await respond(send, Rejected(f"{error}", code="invalid_clearing"), None, "", {})
            return
        except StoreError:
            away = Rejected(
                "The gateway's state is out of reach right now, and nothing is certain to be cleared; try again.",
                status=503,
                type="server_error",
                code="store_unavailable",
            )
            await respond(send, away, None, "", {})
            return
        shelf().learn(ruled)
        await _answer(send, {"cleared": ruled.tag, "before": ruled.before})

    return [
        Endpoint(PATH, show, access="viewer"),
        Endpoint(PATH, forget, methods=("DELETE",), access="operator"),
    ]


async def _answer(send: Send, value: Any) -> None:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    await whole(send, 200, headers, msgspec.json.encode(value))
