"""What the API answers about requests, state and targets: asked of all workers, told as one."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse import Rejected, StoreError, __version__
from tollhouse.config.secret import masked

from .cluster import Replies
from .filters import compiled
from .histogram import percentile
from .http import Call
from .meters import MINUTE, SPAN, SPANS, Meter, Readings, Span, span_at, summed
from .node import One, Page, Standing, place
from .shapes import (
    Breaker,
    Detail,
    Health,
    Ok,
    Rates,
    Record,
    Requests,
    State,
    StoreState,
    Targets,
    TargetState,
    Today,
    WhoAmI,
    Workers,
    WorkerState,
)

FAILING = 0.5
"""Share of failed attempts in the last minute from which a target is said to fail, of at least so many:"""
FEW = 5
DAY = 86400


def workers(replies: Replies[Any]) -> Workers:
    """Who answered."""
    return Workers(replied=replies.replied, missing=replies.missing)


async def whoami(call: Call) -> WhoAmI:
    """The caller."""
    principal = call.principal
    return WhoAmI(key=principal.key, user=principal.user, team=principal.team, access=principal.access)


async def requests(call: Call) -> Requests:
    """A page of requests, newest first."""
    page = Page(limit=call.limit(), before=_before(call.query.get("after", "")), filter=call.query.get("filter", ""))
    compiled(page.filter)
    replies = await call.node.cluster.ask("list", page, list[Record])
    items = sorted((one for many in replies.by.values() for one in many), key=place, reverse=True)
    items = items[: page.limit]
    last = "{!r}_{}".format(*place(items[-1])) if len(items) == page.limit else ""
    return Requests(items=items, next=last, workers=workers(replies))


def _before(cursor: str) -> tuple[float, str] | None:
    """The place a page ended at. Raises Rejected (400)."""
    if not cursor:
        return None
    at, _, id_ = cursor.partition("_")
    try:
        return float(at), id_
    except ValueError:
        raise Rejected("`after` is the `next` of another page.", code="invalid_query", param="after") from None


async def request(call: Call) -> Detail:
    """One request. Raises Rejected (404)."""
    id_ = call.scope["path_params"]["id"]
    replies = await call.node.cluster.ask("one", One(id=id_), Detail | None)  # type: ignore[arg-type]
    for one in replies.by.values():
        if one is not None:
            return one
    raise unknown_request(id_, replies)


def unknown_request(id_: str, replies: Replies[Any]) -> Rejected:
    """The 404, which says whom it was not asked of."""
    unheard = f" {len(replies.missing)} workers did not answer." if replies.missing else ""
    return Rejected(
        f"No worker remembers the request `{id_[:100]}`; each keeps the latest only.{unheard}",
        status=404,
        code="request_not_found",
    )


async def cancel(call: Call) -> Ok:
    """End a request under way. Raises Rejected: 404 when nobody knows it, 409 when it has ended."""
    id_ = call.scope["path_params"]["id"]
    replies = await call.node.cluster.ask("cancel", One(id=id_), bool)
    if not any(replies.by.values()):
        await request(call)
        raise Rejected("That request has ended already.", status=409, code="request_ended")
    await call.audit("request.cancelled", id_)
    return Ok(ok=True, workers=workers(replies))


async def state(call: Call) -> State:
    """Is it fine?"""
    node, gateway = call.node, call.gateway
    now = gateway.clock.time()
    replies = await node.cluster.ask("standing", None, Standing)
    readings = summed(one.readings for one in replies.by.values())
    minute = readings.all.since(span_at(now) - MINUTE + 1)
    peers = {peer.id: peer for peer in await node.cluster.peers()}
    here = [
        WorkerState(
            **msgspec.structs.asdict(peer), in_flight=one.in_flight if one else 0, edition=one.edition if one else 0
        )
        for peer in peers.values()
        for one in [replies.by.get(peer.id)]
    ]
    started = min((one.started_at for one in here), default=now)
    return State(
        at=now,
        name="tollhouse",
        version=__version__,
        edition=gateway.edition.number,
        started_at=started,
        uptime=now - started,
        health=_health(call, replies, readings, now),
        store=StoreState(
            up=gateway.store.healthy, url=masked(call.edition.config.store.url), spooled=gateway.store.spooled
        ),
        workers=here,
        rates=_rates(minute, sum(one.in_flight for one in here), now, started),
        today=await _today(call, now),
        plugins=[one.name for one in call.edition.plugged],
        missing=replies.missing,
    )


async def targets(call: Call) -> Targets:
    """Every target, as all workers find it."""
    node = call.node
    replies = await node.cluster.ask("standing", None, Standing)
    readings = summed(one.readings for one in replies.by.values())
    declared = [
        f"{target.provider}/{target.model}" for model in call.edition.config.models.values() for target in model.targets
    ]
    known = dict.fromkeys([*declared, *sorted(readings.targets), *sorted(node.drained.targets)])
    in_flight: dict[str, int] = {}
    for one in replies.by.values():
        for target, count in one.targets.items():
            in_flight[target] = in_flight.get(target, 0) + count
    at = span_at(call.gateway.clock.time())
    items = [_target(call, name, readings, in_flight.get(name, 0), at) for name in known]
    return Targets(items=items, next="", workers=workers(replies))


def _target(call: Call, name: str, readings: Readings, in_flight: int, at: int) -> TargetState:
    meter = readings.targets.get(name, Meter())
    drain = call.node.drained.targets.get(name)
    circuit = readings.circuits.get(name)
    minute = meter.since(at - MINUTE + 1)
    series = {span.at: span for span in meter.spans}
    provider, _, model = name.partition("/")
    word = _word(minute, meter.since(at - SPANS + 1), circuit.state if circuit else "")
    return TargetState(
        target=name,
        provider=provider,
        model=model,
        state="drained" if drain else word,
        breaker=Breaker(state=circuit.state, until=circuit.until, why=circuit.why) if circuit else None,
        in_flight=in_flight,
        requests=meter.since(at - SPANS + 1).requests,
        error_ratio=minute.errors / minute.requests if minute.requests else 0.0,
        ttft_p50=percentile(minute.ttft, 0.5),
        ttft_p95=percentile(minute.ttft, 0.95),
        ttft_series=[
            percentile(series[one].ttft, 0.5) if one in series else None for one in range(at - SPANS + 1, at + 1)
        ],
        last_error=meter.last_error,
        drained_by=drain.by if drain else "",
    )


def _word(minute: Span, lately: Span, circuit: str) -> Any:
    if circuit and circuit != "closed":
        return "down"
    counted = minute if minute.requests else lately
    if not counted.requests:
        return "unknown"
    return "down" if counted.errors == counted.requests else "up"


def _rates(minute: Span, in_flight: int, now: float, started: float) -> Rates:
    window = min(now - (span_at(now) - MINUTE + 1) * SPAN, max(1.0, now - started))
    return Rates(
        window=window,
        requests_per_second=minute.requests / window,
        error_ratio=minute.errors / minute.requests if minute.requests else 0.0,
        in_flight=in_flight,
        ttft_p50=percentile(minute.ttft, 0.5),
        ttft_p95=percentile(minute.ttft, 0.95),
        output_tokens_per_second=minute.output / window,
        cache_hit_ratio=minute.cached / minute.asked_cache if minute.asked_cache else None,
    )


def _health(call: Call, replies: Replies[Standing], readings: Readings, now: float) -> Health:
    gateway = call.gateway
    why = [] if gateway.store.healthy else ["the store does not answer"]
    ready, reason = gateway.ready
    if not ready and reason not in ("draining", *why):
        why.append(reason)
    if replies.missing:
        why.append(f"{len(replies.missing)} of {len(replies.by) + len(replies.missing)} workers do not answer")
    if len({one.edition for one in replies.by.values() if not one.draining}) > 1:
        why.append("workers serve different configurations")
    for name, meter in readings.targets.items():
        minute = meter.since(span_at(now) - MINUTE + 1)
        if minute.requests >= FEW and minute.errors / minute.requests >= FAILING:
            why.append(f"{name} fails: {minute.errors} of {minute.requests} attempts in the last minute")
    if gateway.draining or any(one.draining for one in replies.by.values()):
        return Health(word="draining", why=[f"draining: {len(gateway.in_flight)} in flight", *why])
    return Health(word="degraded" if why else "healthy", why=why)


async def _today(call: Call, now: float) -> Today:
    try:
        sums = await call.gateway.store.sums([], now // DAY * DAY, now + 3600)
    except StoreError:
        return Today(cost=None, saved=None, unpriced=None, requests=None)
    return Today(
        cost=sum(one.cost for one in sums),
        saved=sum(one.saved for one in sums),
        unpriced=sum(one.unpriced for one in sums),
        requests=sum(one.requests for one in sums),
    )
