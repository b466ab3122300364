"""The health of every target: a card each, the worst first, and what happened of late."""

from __future__ import annotations

from .. import figures
from ..model.health import Card, cards
from ..model.house import House
from ..text import Line, Span, crop, spread
from .chart import spark
from .page import Page, missing, words


def page(house: House, now: float, room: int) -> Page:
    """Cards one can choose by target, then incidents, newest first."""
    found = Page()
    why = [str(one) for one in (house.value("state").get("health") or {}).get("why") or ()]
    for reason in why:
        found.add(*words(f"! {reason}", room, "warn"))
    if (gap := missing(house.answer("targets"), "admin", "targets", room)) is not None:
        found.add(*gap)
    else:
        every = cards(house.items("targets"), house.items("breakers"))
        aside = ", ".join(
            f"{count} {word.lower()}" for word in ("DOWN", "OPEN", "FAILING", "HALF OPEN", "DRAINED", "IDLE", "UP")
            if (count := sum(one.word == word for one in every))
        )  # fmt: skip
        found.section("Targets", room, aside)
        for card in every:
            found.item(card.target, *_card(card, now, room))
        if not every:
            found.add(*words("No target yet. Name some in [models] of gateway.toml.", room, "dim"))
        if house.answer("breakers").word == "absent":
            found.add([], *words("○ Breakers: not loaded (plugin failover).", room, "dim"))
    found.section("Lately", room)
    for one in list(reversed(house.incidents))[:50]:
        style = "bad" if one.grave else "dim"
        sign = "!" if one.grave else "·"
        at = figures.clock(one.at, house.utc)
        again = f"  ×{one.times}" if one.times > 1 else ""
        found.add(
            crop(
                [Span(f" {at} ", "dim"), Span(f"{sign} {one.kind} ", style), Span(one.words), Span(again, "dim")], room
            )
        )
    if not house.incidents:
        found.add(*words("Nothing happened since this console is open.", room, "dim"))
    return found


def _card(card: Card, now: float, room: int) -> list[Line]:
    errors = Span(figures.ratio(card.error_ratio), "bad" if (card.error_ratio or 0) >= 0.1 else "")
    head = spread(
        [Span(" "), Span(f"{card.sign} {card.word:<9}", card.style), Span(f" {card.target}", "bold")],
        [
            Span("ttft ", "dim"), Span(f"{figures.seconds(card.ttft_p50)}/{figures.seconds(card.ttft_p95)}"),
            Span("  errors ", "dim"), errors,
            Span(f"  {figures.count(card.in_flight)}"), Span(" in flight ", "dim"),
        ],
        room,
    )  # fmt: skip
    line = [Span("   "), Span(spark(card.series, 30), "accent"), Span("  5 min of ttft  ", "dim"), *_breaker(card, now)]
    lines: list[Line] = [head, crop(line, room)]
    if card.drained_by:
        lines.append(crop([Span(f"   drained by {card.drained_by} · r resumes it", "warn")], room))
    if card.last_error:
        lines.append(crop([Span("   last error ", "dim"), Span(card.last_error)], room))
    return lines


def _breaker(card: Card, now: float) -> list[Span]:
    if not card.breaker:
        return []
    said = [Span("breaker ", "dim"), Span(card.breaker, card.style if card.word in ("OPEN", "HALF OPEN") else "")]
    if card.word == "OPEN" and card.probe_at is not None:
        said.append(Span(f" · next probe in {figures.span(max(0.0, card.probe_at - now))}", "warn"))
    return said
