"""What is remembered of a request: made from a running exchange when somebody asks, and from every one that ends."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from tollhouse import Attempt, Exchange
from tollhouse.events import RequestEnded

from .shapes import Bodies, Detail, Price, Record, Tried

BRIEF = 0.005
"""Seconds below which a pace says nothing."""
OUTPUT = ("output", "reasoning", "output_audio")
_SHARED = tuple(name for name in Record.__struct_fields__ if name != "attempts")


class Extra(NamedTuple):
    """What the last event of a request does not say: taken from its exchange, of which nothing else is kept."""

    started_at: float
    tags: tuple[str, ...]
    held: dict[str, int]
    attempts: tuple[tuple[Any, ...], ...]
    """The attempts' facts in the order of `_attempt`."""
    price: str


class _Past:
    """A request that ended. It is worded when somebody asks: most are never asked for."""

    __slots__ = ("event", "extra")

    def __init__(self, event: RequestEnded, extra: Extra | None) -> None:
        self.event, self.extra = event, extra


class Ring:
    """The last requests of one worker, by id in the order of their ends."""

    def __init__(self, room: int, worker: str) -> None:
        self._room, self._worker = room, worker
        self._kept: OrderedDict[str, _Past] = OrderedDict()
        self._settled: dict[str, Extra] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def resize(self, room: int) -> None:
        """Keep so many from now on."""
        self._room = room
        self._trim()

    def settled(self, id_: str, extra: Extra) -> None:
        """An exchange has settled; its last event follows, or has just been."""
        if (past := self._kept.get(id_)) is not None:
            past.extra = extra
        else:
            self._settled[id_] = extra

    def put(self, event: RequestEnded) -> None:
        """Take one in; the oldest goes."""
        self._kept[event.id] = _Past(event, self._settled.pop(event.id, None))
        self._trim()

    def get(self, id_: str) -> Detail | None:
        """By its id, or the id its caller sees."""
        past = self._kept.get(id_) or next(
            (one for one in reversed(self._kept.values()) if one.event.request_id == id_), None
        )
        return _worded(past, self._worker) if past is not None else None

    def newest(self) -> Iterator[Detail]:
        """All of them as they are now, the one that began last first."""
        order = sorted(self._kept.values(), key=_begin, reverse=True)
        return (_worded(past, self._worker) for past in order)

    def _trim(self) -> None:
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)


def _begin(past: _Past) -> tuple[float, str]:
    event, kept = past.event, past.extra
    return kept.started_at if kept else event.at - event.seconds, event.id


def extra(exchange: Exchange) -> Extra:
    """What is kept of an exchange that ends."""
    target = exchange.target
    rates = exchange.edition.rates(target) if target is not None and exchange.edition.chain["price"].calls else None
    return Extra(
        exchange.started_at,
        exchange.principal.tags,
        exchange.held,
        tuple([_attempt(attempt, exchange.started) for attempt in exchange.attempts]),
        rates.source if rates is not None else "",
    )


def _attempt(attempt: Attempt, began: float) -> tuple[Any, ...]:
    """An attempt's facts: of the objects it holds only those that are small and never change."""
    error = attempt.error
    return (
        attempt.number,
        attempt.target,
        attempt.state,
        attempt.status,
        str(getattr(error, "kind", type(error).__name__)) if error else "",
        attempt.started_at - began,
        attempt.content_at,
        attempt.started_at,
        attempt.ended_at,
        attempt.usage,
        attempt.cost,
        str(getattr(error, "code", None) or "") if error else "",
    )


def _tried(facts: tuple[Any, ...], now: float | None = None) -> Tried:
    number, target, state, status, error, started, content_at, started_at, ended_at, usage, cost, why = facts
    end = ended_at if ended_at is not None else started_at if now is None else now
    return Tried(
        number=number,
        target=target.name,
        state=state,
        status=status,
        error=error,
        started=started,
        first_content=content_at - started_at if content_at is not None else None,
        seconds=end - started_at,
        tokens=usage.buckets() if usage else {},
        cost=cost,
        why=why,
    )


def _worded(past: _Past, worker: str) -> Detail:
    event, kept = past.event, past.extra
    output = _output(event.tokens)
    flowing = event.seconds - event.first_content if event.first_content is not None else 0.0
    return Detail(
        id=event.id,
        request_id=event.request_id,
        at=_begin(past)[0],
        state="ended",
        dialect=event.dialect,
        task=event.task,
        model=event.model,
        target=event.target,
        key=event.key,
        user=event.user,
        team=event.team,
        tags=list(kept.tags) if kept else [],
        origin=event.origin,
        stream=event.stream,
        status=event.status,
        outcome=event.outcome,
        code=event.code,
        seconds=event.seconds,
        ttft=event.first_content,
        tokens_per_second=output / flowing if output and flowing > BRIEF else None,
        tokens=event.tokens,
        input=sum(event.tokens.values()) - output,
        output=output,
        cost=event.cost,
        saved=event.saved,
        attempts=[_tried(facts) for facts in kept.attempts] if kept else [],
        cache=event.labels.get("cache", ""),
        labels=event.labels,
        worker=worker,
        phases=event.phases,
        notes=list(event.notes),
        held=kept.held if kept else {},
        translation=event.translation,
        price=Price(source=kept.price) if kept and kept.price else None,
    )


def running(exchange: Exchange, worker: str) -> Detail:
    """What is known of an exchange under way."""
    principal, target = exchange.principal, exchange.target
    last = exchange.attempts[-1] if exchange.attempts else None
    now = exchange.now()
    ttft = last.content_at - exchange.started if last and last.content_at is not None else None
    tokens = exchange.consumed
    stream = bool(exchange.request and exchange.request.stream)
    output = _output(tokens) or (pieces(last) if last is not None and stream else 0)
    seconds = now - exchange.started
    flowing = seconds - ttft if ttft is not None else 0.0
    kept = extra(exchange)
    return Detail(
        id=exchange.id,
        request_id=exchange.request_id,
        at=exchange.started_at,
        state="running",
        dialect=exchange.dialect.name,
        task=exchange.task,
        model=exchange.model,
        target=target.name if target else "",
        key=principal.key,
        user=principal.user,
        team=principal.team,
        tags=list(principal.tags),
        origin=exchange.origin,
        stream=stream,
        status=exchange.status,
        outcome=exchange.outcome or "",
        code=str(getattr(exchange.error, "code", None) or ""),
        seconds=seconds,
        ttft=ttft,
        tokens_per_second=output / flowing if output and flowing > BRIEF else None,
        tokens=tokens,
        input=sum(tokens.values()) - _output(tokens),
        output=output,
        cost=exchange.cost,
        saved=exchange.saved,
        attempts=[_tried(facts, now) for facts in kept.attempts],
        cache=exchange.labels.get("cache", ""),
        labels=exchange.labels,
        worker=worker,
        phases=exchange.phases,
        notes=exchange.notes,
        held=exchange.held,
        translation="",
        price=Price(source=kept.price) if kept.price else None,
    )


def _output(tokens: Mapping[str, int]) -> int:
    return sum(tokens.get(name, 0) for name in OUTPUT)


def pieces(attempt: Attempt) -> int:
    """Output tokens of a stream under way, estimated by its pieces."""
    return attempt.delivered.pieces if attempt.delivered is not None else 0


def summary(one: Detail) -> Record:
    """What a list shows."""
    return Record(attempts=len(one.attempts), **{name: getattr(one, name) for name in _SHARED})


def with_bodies(one: Detail, bodies: Bodies | None) -> Detail:
    """The record with what was captured."""
    return msgspec.structs.replace(one, bodies=bodies) if bodies else one
