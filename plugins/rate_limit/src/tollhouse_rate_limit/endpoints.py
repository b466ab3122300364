"""What operators may read: where the counters stand, and who waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from tollhouse import Endpoint, StoreError
from tollhouse.front.response import whole
from tollhouse.gateway import Gateway

from .queue import Queue
from .recent import REMEMBERED, Recent
from .words import name

SHOWN = 100
"""Counters and callers an answer holds unless `limit` asks for more or fewer."""

Send = Callable[[Any], Awaitable[None]]


def endpoints(gateway: Gateway, queue: Queue, recent: Recent) -> Sequence[Endpoint]:
    """`/admin/v1/limits` and `/admin/v1/queue`."""

    async def limits(scope: Any, receive: Any, send: Send) -> None:
        asked = recent.latest(_count(scope))
        try:
            levels = await gateway.store.levels([one.demand for one in asked])
        except StoreError as error:
            await _answer(send, 503, {"error": {"code": "store_unavailable", "message": f"{error}"}})
            return
        await _answer(
            send,
            200,
            {
                "limits": [
                    {
                        "key": level.key,
                        "name": name(one.limit, one.values),
                        "measure": one.demand.measure,
                        "used": level.used,
                        "limit": level.limit,
                        "remaining": level.remaining,
                        "resets_in": level.resets_in,
                        "shadow": one.limit.shadow,
                        "waiting": len(queue.lines.get(level.key, ())),
                    }
                    for one, level in zip(asked, levels, strict=True)
                ]
            },
        )

    async def waiting(scope: Any, receive: Any, send: Send) -> None:
        count, now = _count(scope), gateway.clock.monotonic()
        lines = sorted(queue.lines.values(), key=len, reverse=True)[:count]
        await _answer(
            send,
            200,
            {
                "waiting": len(queue),
                "lines": [
                    {
                        "key": line.key,
                        "waiting": len(line),
                        "longest": now - min(ticket.since for ticket in line.order()),
                        "callers": dict(list(line.callers().items())[:count]),
                    }
                    for line in lines
                ],
            },
        )

    return [
        Endpoint("/admin/v1/limits", limits, access="viewer"),
        Endpoint("/admin/v1/queue", waiting, access="viewer"),
    ]


def _count(scope: Any) -> int:
    said = parse_qs(scope["query_string"].decode("latin-1")).get("limit", [""])[0]
    return min(int(said), REMEMBERED) if said.isascii() and said.isdigit() else SHOWN


async def _answer(send: Send, status: int, value: Any) -> None:
    await whole(send, status, {"content-type": "application/json"}, msgspec.json.encode(value))
