"""The live events over HTTP, as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from tollhouse import Rejected
from tollhouse.front.response import encoded

from .http import Call
from .live import Watch, decode_position, encode_position

HEARTBEAT = 10.0
ENDING = 0.5
"""Seconds between two looks at whether the gateway still has anything to tell."""
KNOWN = 10_000
"""Requests whose caller is remembered, so that events that name none can be filtered."""
_HEAD = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
_NARROWING = ("team", "model", "key")

Wanted = Callable[[dict[str, Any]], bool]


async def events(call: Call) -> None:
    """Follow until the reader leaves, or the gateway has nothing more to tell."""
    query = call.query
    after = query.get("after") or call.headers.get("last-event-id", "")
    position = decode_position(after)
    if after and position is None:
        raise Rejected("`after` is not the id of an event.", code="invalid_query", param="after")
    wanted = _filter(query)
    watch = Watch(dict(position or {}))
    sent = dict(position or {})
    head = {**_HEAD, "x-request-id": call.scope["tollhouse.request_id"]}
    await call.send({"type": "http.response.start", "status": 200, "headers": encoded(head)})
    await _write(call, b": connected\n\n")
    leaving = asyncio.ensure_future(_left(call))
    try:
        await call.node.live.watch(watch)
        for worker, number in watch.position.items():
            sent.setdefault(worker, number)
        await _follow(call, watch, sent, wanted, leaving)
    finally:
        call.node.live.close(watch)
        leaving.cancel()
    if not leaving.done() or leaving.cancelled():
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _follow(
    call: Call, watch: Watch, sent: dict[str, int], wanted: Wanted, leaving: asyncio.Future[None]
) -> None:
    quiet = call.gateway.clock.monotonic()
    while not leaving.done():
        dropped, items = watch.take()
        lines = [_message("", "lost", msgspec.json.encode({"dropped": dropped}))] if dropped else []
        for worker, number, data in items:
            if number:
                sent[worker] = number
            event = msgspec.json.decode(data)
            if wanted(event):
                event["worker"] = worker
                lines.append(_message(encode_position(sent), event["type"], msgspec.json.encode(event)))
        now = call.gateway.clock.monotonic()
        if lines:
            await _write(call, b"".join(lines))
            quiet = now
        elif now - quiet >= HEARTBEAT:
            await _write(call, b": still here\n\n")
            quiet = now
        if call.gateway.draining and not items and not call.gateway.in_flight:
            return
        ready = asyncio.create_task(_woken(watch))
        try:
            await asyncio.wait([ready, leaving], timeout=ENDING, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()


def _filter(query: dict[str, str]) -> Wanted:
    patterns = [one for one in query.get("types", "").split(",") if one]
    narrowed = {name: query[name] for name in _NARROWING if query.get(name)}
    callers: dict[str, bool] = {}

    def wanted(event: dict[str, Any]) -> bool:
        if narrowed and not _of_caller(event, narrowed, callers):
            return False
        return not patterns or any(fnmatchcase(event["type"], pattern) for pattern in patterns)

    return wanted


def _of_caller(event: dict[str, Any], narrowed: dict[str, str], callers: dict[str, bool]) -> bool:
    """Whether an event belongs to the callers asked for; one that names only a request, by who sent that."""
    id_ = event.get("id", "")
    if event["type"] in ("request.started", "request.ended"):
        fits = all(event.get(name, "") == value for name, value in narrowed.items())
        callers.pop(id_, None)
        if event["type"] == "request.started":
            callers[id_] = fits
            if len(callers) > KNOWN:
                del callers[next(iter(callers))]
        return fits
    if id_ in callers:
        return callers[id_]
    return any(name in event for name in narrowed) and all(
        event.get(name, "") == value for name, value in narrowed.items()
    )


def _message(id_: str, name: str, data: bytes) -> bytes:
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


async def _write(call: Call, data: bytes) -> None:
    await call.send({"type": "http.response.body", "body": data, "more_body": True})


async def _woken(watch: Watch) -> None:
    await watch.ready.wait()


async def _left(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass
