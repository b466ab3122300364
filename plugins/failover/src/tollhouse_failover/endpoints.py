"""What operators may read and do: where every target stands, and saying that one is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from tollhouse import Endpoint
from tollhouse.front.response import whole

from .breakers import Breakers

Send = Callable[[Any], Awaitable[None]]


def endpoints(breakers: Callable[[], Breakers | None]) -> Sequence[Endpoint]:
    """`/admin/v1/breakers`, and the reset of one of them."""

    async def table(scope: Any, receive: Any, send: Send) -> None:
        found = breakers()
        await _answer(send, 200, {"breakers": found.table() if found else []})

    async def reset(scope: Any, receive: Any, send: Send) -> None:
        place = scope["path_params"]
        target, found = f"{place['provider']}/{place['model']}", breakers()
        if found is None or not found.close(target):
            message = "No attempt at this target was seen since the gateway started, so it does not rest."
            await _answer(send, 404, {"error": {"code": "unknown_target", "message": message}})
            return
        [row] = [row for row in found.table() if row["target"] == target]
        await _answer(send, 200, row)

    return [
        Endpoint("/admin/v1/breakers", table, access="viewer"),
        Endpoint("/admin/v1/breakers/{provider}/{model:path}/reset", reset, methods=("POST",), access="operator"),
    ]


async def _answer(send: Send, status: int, value: Any) -> None:
    await whole(send, status, {"content-type": "application/json"}, msgspec.json.encode(value))
