"""The table of requests as lines: columns that give way by importance, and what stands there without a row."""

from __future__ import annotations

from collections.abc import Sequence

from .. import figures
from ..model.house import House
from ..model.record import Record
from ..text import Line, Span, crop
from .columns import Column, layout, row, titles
from .page import words


def columns(utc: bool) -> list[Column[Record]]:
    """Every column, in order."""
    return [
        Column("TIME", 8, lambda one: (figures.clock(one.at, utc), "dim"), rank=1),
        Column("CALLER", 13, lambda one: (one.caller, ""), grow=1, most=24),
        Column("MODEL → TARGET", 24, _route, grow=3, most=64),
        Column("ST", 3, _status, right=True),
        Column("TTFT", 6, _ttft, rank=2, right=True),
        Column("TOK/S", 5, lambda one: (_number(one.speed), "dim"), rank=5, right=True),
        Column("IN", 5, lambda one: (figures.count(one.input), ""), rank=4, right=True),
        Column("OUT", 6, _output, rank=3, right=True),
        Column("COST", 9, _cost, right=True),
        Column("CACHE", 5, lambda one: (one.cache or figures.NONE, "good" if one.cache == "hit" else "dim"), rank=7),
        Column("TOOK", 6, lambda one: (figures.seconds(one.seconds), "dim"), rank=6, right=True),
        Column("END", 15, _end, grow=2, most=44),
    ]


def table(rows: Sequence[Record], cursor: int, room: int, height: int, *, utc: bool = False) -> list[Line]:
    """The titles and as many rows as fit; `cursor` is which of them is chosen, -1 none."""
    found = layout(columns(utc), room - 2)
    lines: list[Line] = [[Span(" "), *titles(found)]]
    for number, record in enumerate(rows[: max(0, height - 1)]):
        cells = row(found, record)
        lines.append([Span("▸" if number == cursor else " ", "accent"), *cells])
    return lines


def status_line(house: House, now: float, above: int, room: int) -> Line:
    """What holds of the rows: paused, filtered, sampled, or above the first one shown."""
    traffic, said = house.traffic, []
    if traffic.paused:
        said.append(Span(f" ‖ PAUSED · {figures.count(traffic.waiting)} waiting · space follows ", "warn", "pause"))
    elif above:
        said.append(Span(f" ↑ {figures.count(above)} newer above · g follows ", "accent", "top"))
    if traffic.filter:
        fits = len(traffic.shown())
        said.append(
            Span(f" / {traffic.filter} · {figures.count(fits)} of {figures.count(traffic.kept)} rows ", "accent")
        )
    if (one_in := traffic.sampled(now)) > 1.05:
        said.append(Span(f" ~ sampled: 1 row of {one_in:.0f} shown, counts are exact ", "warn"))
    if lost := traffic.meter.total["lost"]:
        said.append(Span(f" ! {figures.count(lost)} events were lost ", "warn"))
    total = traffic.meter.total
    if not said and total["ended"]:
        failed = f", {figures.count(total['failures'])} of them failed" if total["failures"] else ""
        ended = figures.count(total["ended"])
        said.append(Span(f" {ended} ended since this console is open{failed}", "dim"))
    return crop(said, room)


def empty(house: House, room: int) -> list[Line]:
    """What stands where rows would: that it loads, that nothing fits, or how to send the first request."""
    if house.traffic.filter and house.traffic.kept:
        text = f"No request fits  {house.traffic.filter}  · esc clears the filter, f changes it."
        return [[], *words(text, room, "dim", 2)]
    if not house.traffic.known and house.line.word != "live":
        return [[], *words("Nothing to show until the gateway answers.", room, "dim", 2)]
    models = [str(item.get("name")) for item in house.items("models")] or ["demo"]
    base = f"{house.url}/v1"
    return [
        [],
        [Span("  No traffic yet.", "bold"), Span(f" Point a client at {base}", "")],
        [],
        [Span(f"  curl {base}/chat/completions \\", "accent")],
        [Span("    -H 'content-type: application/json' -H 'authorization: Bearer KEY' \\", "accent")],
        [Span(f'    -d \'{{"model": "{models[0]}", "messages": [{{"role": "user", "content": "Hi"}}]}}\'', "accent")],
        [],
        [Span("  y copies that line · 6 opens the playground · ? shows every key", "dim")],
    ]


def curl(house: House) -> str:
    """A line that sends a first request, ready to paste."""
    models = [str(item.get("name")) for item in house.items("models")] or ["demo"]
    body = f'{{"model": "{models[0]}", "messages": [{{"role": "user", "content": "Hi"}}]}}'
    head = "-H 'content-type: application/json' -H 'authorization: Bearer KEY'"
    return f"curl {house.url}/v1/chat/completions {head} -d '{body}'"


def _route(record: Record) -> tuple[str, str]:
    arrow = "⇢" if record.attempts > 1 else "→"
    if not record.target:
        return record.model or record.task or figures.NONE, ""
    return f"{record.model} {arrow} {record.target}" if record.model else record.target, ""


def _status(record: Record) -> tuple[str, str]:
    if record.running:
        return "···", "accent"
    if record.status >= 500 or record.outcome == "failed":
        return str(record.status or "ERR"), "bad"
    if record.outcome == "disconnected":
        return str(record.status or "–"), "dim"
    return str(record.status or "–"), "warn" if record.status >= 400 else ""


def _ttft(record: Record) -> tuple[str, str]:
    if record.running and record.ttft is None:
        return "····", "accent"
    return figures.seconds(record.ttft), ""


def _output(record: Record) -> tuple[str, str]:
    if record.running and record.output:
        return f"{figures.count(record.output)}▸", "accent"
    return figures.count(record.output), ""


def _cost(record: Record) -> tuple[str, str]:
    if record.running:
        return "·", "dim"
    if record.cost is None:
        return "unpriced", "warn"
    return figures.money(record.cost), "dim" if not record.cost else ""


def _end(record: Record) -> tuple[str, str]:
    if record.running:
        return record.end, "accent"
    if record.outcome == "failed" or record.status >= 500:
        return f"✗ {record.end}", "bad"
    if record.outcome == "rejected":
        return f"✗ {record.code or record.end}", "warn"
    return record.end, "dim" if record.outcome == "disconnected" else ""


def _number(value: float | None) -> str:
    return figures.NONE if value is None else f"{value:.0f}"
