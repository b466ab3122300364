"""Keys and limits: who may call, how much of each limit is used, and who waits in line."""

from __future__ import annotations

from typing import Any

from .. import figures
from ..model.house import House
from ..text import Line, Span, clean, crop, fit
from .chart import bar
from .columns import Column, layout, row, titles
from .page import Page, missing, words

_STATES = {"active": ("● active", "good"), "revoked": ("✗ revoked", "dim"), "expired": ("◌ expired", "warn")}

COLUMNS: list[Column[dict[str, Any]]] = [
    Column("NAME", 14, lambda one: (clean(one.get("name")), "bold"), grow=1, most=26),
    Column("STATE", 9, lambda one: _STATES.get(str(one.get("state")), (clean(one.get("state")), ""))),
    Column("ROLE", 8, lambda one: (clean(one.get("role")), ""), rank=3),
    Column("TEAM", 10, lambda one: (clean(one.get("team")) or figures.NONE, ""), rank=1, grow=1, most=18),
    Column("USER", 12, lambda one: (clean(one.get("user")) or figures.NONE, ""), rank=4, grow=1, most=24),
    Column("MODELS", 12, lambda one: (_models(one), "dim"), rank=5, grow=1, most=30),
    Column("EXPIRES", 10, lambda one: (clean(one.get("expires") or "never")[:10], "dim"), rank=2),
    Column("FROM", 6, lambda one: (clean(one.get("origin")), "dim"), rank=6),
]


def page(house: House, room: int) -> Page:
    """Keys one can choose by name, then limits and lines."""
    found = Page()
    keys = house.items("keys")
    found.section("Keys", room, f"{len(keys)}" if keys else "")
    gap = missing(house.answer("keys"), "auth", "keys", room)
    if gap is not None:
        found.add(*gap)
    elif not keys:
        found.add(*words("No key yet: everybody may call. n makes the first one.", room, "dim"))
    else:
        shape = layout(COLUMNS, room - 2)
        found.add([Span(" "), *titles(shape)])
        for one in keys:
            found.item(clean(one.get("name")), [Span(" "), *row(shape, one)])
    _limits(found, house, room)
    _queue(found, house, room)
    return found


def _models(one: dict[str, Any]) -> str:
    models = one.get("models")
    return "all" if models is None else ", ".join(map(clean, models)) or "none"


def _limits(found: Page, house: House, room: int) -> None:
    found.section("Limits", room, "used of what they allow")
    if (gap := missing(house.answer("limits"), "rate_limit", "limits", room)) is not None:
        found.add(*gap)
        return
    limits = house.items("limits")
    for one in sorted(limits, key=lambda one: -_share(one)):
        found.add(_limit(one, room))
    if not limits:
        found.add(*words("No limit was asked yet.", room, "dim"))


def _share(one: dict[str, Any]) -> float:
    limit = float(one.get("limit") or 0)
    return float(one.get("used") or 0) / limit if limit else 1.0


def _limit(one: dict[str, Any], room: int) -> Line:
    share = _share(one)
    style = "bad" if share >= 1 else "warn" if share >= 0.8 else "good"
    sign = "✗" if share >= 1 else "!" if share >= 0.8 else "✓"
    name = fit(clean(one.get("name") or one.get("key")), max(20, room // 2 - 10))
    used = f"{figures.count(one.get('used'))}/{figures.count(one.get('limit'))}"
    tail = f"  {one['waiting']} wait" if one.get("waiting") else ""
    tail += "  shadow" if one.get("shadow") else ""
    line = [
        Span(f" {sign} ", style), Span(name), Span(" "), *bar(share, max(8, min(30, room // 5)), style),
        Span(f" {fit(used, 11, right=True)}"), Span(f" {figures.ratio(share):>5}", style),
        Span(f"  free in {figures.span(one['resets_in'])}" if one.get("resets_in") else "", "dim"), Span(tail, "warn"),
    ]  # fmt: skip
    return crop(line, room)


def _queue(found: Page, house: House, room: int) -> None:
    queue = house.value("queue")
    found.section("Waiting", room, f"{queue.get('waiting', 0)} in line" if queue else "")
    if (gap := missing(house.answer("queue"), "rate_limit", "lines", room)) is not None:
        found.add(*gap)
        return
    lines = house.items("queue", "lines")
    for one in lines:
        callers = ", ".join(f"{clean(who)} ×{many}" for who, many in (one.get("callers") or {}).items())
        said = f" {figures.count(one.get('waiting'))} wait, the longest {figures.span(one.get('longest'))}"
        found.add(crop([Span(said, "warn"), Span(f"  {clean(one.get('key'))}"), Span(f"  {callers}", "dim")], room))
    if not lines:
        found.add(*words("Nobody waits.", room, "dim"))
