"""Where the money goes: budgets and when they run out, cost over time, who spends most, and what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import figures
from ..model.house import House
from ..model.spend import Budget, Stack, history, past, stack
from ..text import Line, Span, clean, crop, fit, spread
from .chart import FILLS, bar, beside, burn
from .chart import stack as columns
from .page import Page, missing, words

GROUPS = ("model", "team", "key")
"""What the chart can be stacked by."""
HOURS = 24


def question(group: str) -> str:
    """What to ask for the chart; `{day}` is 24 whole hours ago."""
    return f"spend?by=hour,{group}&since={{day}}"


TOP = "spend?by=team,key&since={day}"


def page(house: House, now: float, room: int, group: str = "model", chosen: str = "") -> Page:
    """Budgets one can choose, the burn-down of the chosen one, the chart and the spenders."""
    found = Page()
    every = house.budgets(now)
    picked = pick(every, chosen)
    found.section("Budgets", room, f"{len(every)}" if every else "")
    gap = missing(house.answer("budgets"), "budget", "budgets", room)
    for one in every if gap is None else ():
        found.item(one.id, *_budget(one, room, house.utc))
    if gap is not None:
        found.add(*gap)
    elif not every:
        found.add(*words('No budget is in use yet. One line sets one: [budget] total = "20 USD/day"', room, "dim"))
    if picked is not None and gap is None:
        found.add(*_burn(picked, house, now, room))
    _costs(found, house, now, room, group)
    return found


def pick(every: Sequence[Budget], chosen: str) -> Budget | None:
    """The budget whose burn-down is shown: the chosen one, else the first."""
    return next((one for one in every if one.id == chosen), every[0] if every else None)


def _budget(one: Budget, room: int, utc: bool) -> list[Line]:
    style = {"used up": "bad", "nearly used up": "warn", "runs out": "warn"}.get(one.word, "good")
    sign = {"used up": "✗", "nearly used up": "!", "runs out": "!"}.get(one.word, "✓")
    tail = [Span(f"{figures.money(one.used)} of {figures.money(one.limit)}")]
    if one.empty_at is not None:
        tail.append(Span(f"  empty {_when(one, one.empty_at, utc)}", "warn"))
    if one.resets_at is not None:
        tail.append(Span(f"  anew {_when(one, one.resets_at, utc)}", "dim"))
    shadow = "  (shadow: only counts)" if one.shadow else ""
    about = one.spoken if one.name == one.whose or one.whose == "everyone" else one.whose
    label = [
        Span(" "),
        Span(f"{sign} {one.word:<15}", style),
        Span(one.name, "bold"),
        Span(f"  {about}{shadow}", "dim"),
    ]
    cells = max(10, min(room - 14, 100))
    return [
        spread(label, [*tail, Span(" ")], room),
        [Span("   "), *bar(one.share, cells, style), Span(f" {figures.ratio(one.share)}")],
    ]


def _when(one: Budget, at: float, utc: bool) -> str:
    return figures.minute(at, utc) if one.period in ("hour", "day") else figures.moment(at, utc)[5:]


def _burn(one: Budget, house: House, now: float, room: int) -> list[Line]:
    if one.start is None or one.resets_at is None or one.limit <= 0:
        return []
    left = max(0.0, one.remaining / one.limit)
    empty = one.empty_at
    ends_with = (empty, 0.0) if empty is not None else (one.resets_at, _last(one, now))
    forecast = ((now, left), ends_with) if left else None
    height = 5
    cells = max(20, min(room - 12, 120))
    utc, rows = house.utc, house.items(history(one)) if history(one) else []
    drawn = burn(past(one, rows, now), forecast, (one.start, one.resets_at), (cells, height))
    lines: list[Line] = [
        [],
        [Span(f"   Left of {one.name}", "dim"), Span("   ▒ so far  · forecast", "dim")],
    ]
    for number, line in enumerate(drawn):
        axis = figures.money(one.limit) if number == 0 else "$0" if number == height - 1 else ""
        lines.append([Span(f" {fit(axis, 8, right=True)} ", "dim"), Span("│", "dim"), *line])
    ends = spread([Span(_when(one, one.start, utc), "dim")], [Span(_when(one, one.resets_at, utc), "dim")], cells)
    return [*lines, [Span(" " * 11), *ends]]


def _last(one: Budget, now: float) -> float:
    """What is left at the end when it goes on as so far."""
    assert one.start is not None
    assert one.resets_at is not None
    pace = one.used / max(1.0, now - one.start)
    return max(0.0, (one.remaining - pace * (one.resets_at - now)) / one.limit)


def _costs(found: Page, house: House, now: float, room: int, group: str) -> None:
    name = question(group)
    found.section(f"Last {HOURS} hours by {group}", room, "b: by model, team, key")
    if (gap := missing(house.answer(name), "admin", "costs", room)) is not None:
        found.add(*gap)
        return
    rows = house.items(name)
    made = stack(rows, now, HOURS)
    if rows:
        found.add(_totals(rows, room))
    if not made.most:
        found.add(*words("Nothing was spent in these hours." if rows else "No calls in these hours.", room, "dim"))
        _top(found, house, room)
        return
    legend = _legend(made)
    wide = room >= 110
    chart = _chart(made, 2 if room < 86 or wide else 3, house.utc)
    found.add(*(beside(chart, legend, HOURS * 2 + 14) if wide else [*chart, *legend]))
    _top(found, house, room)


def _totals(rows: list[dict[str, Any]], room: int) -> Line:
    total = {name: sum(int(row.get(name) or 0) for row in rows) for name in ("cost", "saved", "unpriced", "requests")}
    line = [
        Span(f" {figures.money(total['cost'])}", "bold"), Span(f" for {figures.many(total['requests'], 'request')}"),
        Span("   saved ", "dim"), Span(figures.money(total["saved"]), "good" if total["saved"] else ""),
        Span(" by cache", "dim"),
    ]  # fmt: skip
    many = total["unpriced"]
    line.append(
        Span(f"   ! unpriced: {figures.many(many, 'call')} of unknown cost", "warn")
        if many
        else Span("   all calls priced", "dim")
    )
    return crop(line, room)


def _chart(made: Stack, cells: int, utc: bool) -> list[Line]:
    drawn = columns(made.costs, 6, cells) if made.costs else []
    lines: list[Line] = []
    for number, line in enumerate(drawn):
        axis = figures.money(made.most) if number == 0 else "$0" if number == len(drawn) - 1 else ""
        lines.append([Span(f" {fit(axis, 8, right=True)} ", "dim"), Span("│", "dim"), *line])
    ends = spread(
        [Span(figures.minute(made.slots[0], utc), "dim")], [Span(figures.minute(made.slots[-1], utc), "dim")],
        len(made.slots) * cells,
    )  # fmt: skip
    return [*lines, [Span(" " * 11), *ends]]


def _legend(made: Stack) -> list[Line]:
    return [
        [
            Span(f"  {FILLS[number % len(FILLS)] * 2} ", f"series{number}"), Span(fit(name, 30)),
            Span(fit(figures.money(made.total(number)), 10, right=True)),
        ]
        for number, name in enumerate(made.names)
    ]  # fmt: skip


def _top(found: Page, house: House, room: int) -> None:
    found.section("Top spenders", room, f"last {HOURS} hours, by team and key")
    rows = sorted(house.items(TOP), key=lambda row: -int(row.get("cost") or 0))[:10]
    most = max((int(row.get("cost") or 0) for row in rows), default=0) or 1
    for row in rows:
        name = "/".join(clean(part) for part in row.get("by", ()) if part) or "anyone"
        cost = int(row.get("cost") or 0)
        unpriced = f"  {row['unpriced']} unpriced" if row.get("unpriced") else ""
        label = fit(name, min(30, room // 3))
        said = [
            Span(f" {label} "), Span(fit(figures.money(cost), 10, right=True)),
            Span(f" {fit(figures.many(int(row.get('requests') or 0), 'call'), 11, right=True)} ", "dim"),
            *bar(cost / most, max(6, min(60, room - len(label) - 46)), "accent"), Span(unpriced, "warn"),
        ]  # fmt: skip
        found.add(crop(said, room))
    if not rows:
        found.add(*words("Nobody spent anything yet.", room, "dim"))
