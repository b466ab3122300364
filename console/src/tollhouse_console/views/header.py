"""The header that never scrolls: is it fine, in one line whose figures lead to the screen that explains them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import figures
from ..model.house import House
from ..model.spend import tightest
from ..text import Line, Span, clean, crop, spread, width

SCREENS = (
    ("traffic", "Traffic", "Traffic"),
    ("health", "Health", "Health"),
    ("spend", "Spend", "Spend"),
    ("keys", "Keys & limits", "Keys"),
    ("plugins", "Plugins & config", "Plugins"),
    ("playground", "Playground", "Play"),
)
"""Name, title, and title where room is short, of every screen, in the order of their digits."""

_HEALTH = {"healthy": ("good", "✓ HEALTHY"), "degraded": ("bad", "! DEGRADED"), "draining": ("warn", "◐ DRAINING")}


def header(house: House, now: float, room: int) -> Line:
    """Name, nodes, health, and the figures that still fit, the least important one going first."""
    state = house.value("state")
    said: list[tuple[int, list[Span]]] = [(0, [Span(clean(state.get("name") or "tollhouse"), "bold")])]
    if not state:
        word = {"connecting": "connecting …", "live": "loading …"}.get(house.line.word, "no figures yet")
        return crop([*said[0][1], Span(f"  {word}", "dim")], room)
    nodes = len({worker.get("node") for worker in state.get("workers", ())}) or 1
    workers = len(state.get("workers", ()))
    if workers > 1:
        many = f"{nodes} nodes" if nodes > 1 else f"{workers} workers"
        said.append((7, [Span(many, "dim", "screen plugins")]))
    word = str((state.get("health") or {}).get("word", ""))
    style, text = _HEALTH.get(word, ("warn", f"? {clean(word).upper() or 'UNKNOWN'}"))
    if house.line.word != "live":
        style, text = "dim", f"was {text}"
    said.append((0, [Span(text, style, "screen health")]))
    said += _figures(house, state, now)
    return _fitting(said, room)


def _figures(house: House, state: Any, now: float) -> list[tuple[int, list[Span]]]:
    rates, today = state.get("rates") or {}, state.get("today") or {}
    errors = rates.get("error_ratio")
    ttft = f"{figures.seconds(rates.get('ttft_p50'))}/{figures.seconds(rates.get('ttft_p95'))}"
    bad = "bad" if errors is not None and errors >= 0.05 else ""
    said = [
        (3, [Span(figures.rate(rates.get("requests_per_second")), "", "screen traffic"), Span(" req/s", "dim")]),
        (4, [Span("ttft ", "dim", "screen health"), Span(ttft, "", "screen health")]),
        (2, [Span("err ", "dim", "screen health"), Span(figures.ratio(errors), bad, "screen health")]),
        (5, [Span(figures.count(rates.get("in_flight")), "", "screen traffic"), Span(" in flight", "dim")]),
        (1, _money(house, today, now)),
    ]
    if (cache := rates.get("cache_hit_ratio")) is not None:
        said.append((6, [Span("cache ", "dim", "screen spend"), Span(figures.ratio(cache), "", "screen spend")]))
    if unpriced := today.get("unpriced"):
        said.append((8, [Span(f"{figures.count(unpriced)} unpriced", "warn", "screen spend")]))
    return said


def _money(house: House, today: Any, now: float) -> list[Span]:
    found = tightest(house.budgets(now))
    said = [Span(figures.money(today.get("cost")), "", "screen spend")]
    if found is None:
        return [*said, Span(" today", "dim", "screen spend")]
    if found.period != "day" or found.whose != "everyone":
        said = [Span(figures.money(found.used), "", "screen spend")]
    said.append(Span(f" of {figures.money(found.limit)}", "dim", "screen spend"))
    if found.word == "used up":
        said.append(Span(" used up", "bad", "screen spend"))
    elif found.empty_at is not None:
        said.append(Span(f" empty {figures.minute(found.empty_at, house.utc)}", "warn", "screen spend"))
    return said


def _fitting(said: list[tuple[int, list[Span]]], room: int) -> list[Span]:
    while sum(width(part) + 3 for _, part in said) - 2 > room and any(rank for rank, _ in said):
        said.remove(max(said, key=lambda one: one[0]))
    line: list[Span] = [Span(" ")]
    for number, (_, part) in enumerate(said):
        line += ([Span("   ")] if number else []) + part
    return crop(line, room)


def tabs(current: str, right: Line, room: int) -> Line:
    """The screens by their digit, the current one marked by more than colour, and something at the right."""
    short = room < 120
    line: list[Span] = []
    for number, (name, title, brief) in enumerate(SCREENS, 1):
        said = brief if short else title
        if name == current:
            line += [Span(f"[{number} {said}]", "cursor", f"screen {name}")]
        else:
            line += [Span(f" {number} ", "accent", f"screen {name}"), Span(f"{said} ", "", f"screen {name}")]
    return spread(line, right, room)


def banner(house: House, now: float, room: int) -> Line | None:
    """What stands below the header while the line is not live; None when it is."""
    line = house.line
    if line.word == "live":
        return None
    if line.word == "connecting":
        return crop([Span(f" … connecting to {clean(house.url)}", "dim")], room)
    wait = max(0, round(line.retry_at - now))
    again = f" again in {wait}s, ctrl+r now" if line.retry_at else ""
    old = "; what you see is old" if house.value("state") else ""
    if line.word == "refused":
        return crop([Span(f" ! NOT LET IN · {clean(line.why)} ·{again}", "bad bar")], room)
    return crop([Span(f" ! LOST THE GATEWAY · {clean(line.why)} ·{again}{old}", "bad bar")], room)


def footer(verbs: Sequence[tuple[str, str, str]], room: int) -> Line:
    """Verbs that work here, each (key, word, command), the first ones staying longest; the last two always stay."""
    line: list[Span] = [Span(" ")]
    must = verbs[-2:]
    need = sum(len(key) + len(word) + 3 for key, word, _ in must)
    for number, (key, word, command) in enumerate(verbs):
        last = number >= len(verbs) - len(must)
        if last or width(line) + len(key) + len(word) + 3 + need <= room:
            line += [Span(key, "accent", command), Span(f" {word}  ", "", command)]
    return crop(line, room)
