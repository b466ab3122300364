"""One request in full: a waterfall of its phases and attempts, and why it went, cost and ended as it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import figures
from ..model.record import Record
from ..text import Line, Span, clean, crop, fit, wrap

LABEL = 14


def title(record: Record) -> str:
    """What the pane is about."""
    return f"{record.request_id or record.id} · {record.caller} · {record.model or record.task}"


def detail(record: Record, said: Mapping[str, Any], room: int, utc: bool = False) -> list[Line]:
    """Lines for a record and, once the gateway has said it, what it knows further. `said` may be empty."""
    lines: list[Line] = [_head(record, room, utc), _phases(record, said, room)]
    lines += _waterfall(record, said, room)
    for label, words in _reasons(record, said):
        wrapped = wrap(words, room - LABEL - 3)
        for number, text in enumerate(wrapped):
            lines.append([Span(f" {fit(label if not number else '', LABEL)} ", "dim"), Span(text)])
    return lines


def _head(record: Record, room: int, utc: bool) -> Line:
    status = str(record.status) if record.status else "···"
    style = "accent" if record.running else "bad" if record.status >= 500 else "warn" if record.bad else "good"
    sign = "▸" if record.running else "✗" if record.bad else "✓"
    took = figures.seconds((record.progressed or record.seconds) if record.running else record.seconds)
    line = [
        Span(f" {sign} {status} {record.end}", style),
        Span(f"   {took} in all · first token {figures.seconds(record.ttft)} · {record.dialect} {record.task}"),
        Span(f" · {'streamed' if record.stream else 'whole'} · {figures.clock(record.at, utc)}", "dim"),
        Span(f" · worker {record.worker}" if record.worker else "", "dim"),
    ]
    return crop(line, room)


def _phases(record: Record, said: Mapping[str, Any], room: int) -> Line:
    phases = said.get("phases") or record.phases
    if not phases:
        return [Span(" phases are told when it ends", "dim")]
    parts = []
    for name, seconds in phases.items():
        parts += [Span(f" {clean(name)}", "dim"), Span(" ▏", "accent"), Span(f"{figures.seconds(seconds)} ")]
    return crop(parts, room)


def _waterfall(record: Record, said: Mapping[str, Any], room: int) -> list[Line]:
    attempts = said.get("attempts")
    tries: Sequence[Mapping[str, Any]] = attempts if isinstance(attempts, list) else record.tries
    total = max(record.seconds or record.progressed or 0.0, 0.001)
    names = max((len(clean(one.get("target"))) for one in tries), default=0)
    label = min(max(names, 12), room // 3)
    cells = max(8, (room - label - 4) // 2)
    lines: list[Line] = []
    at = 0.0
    for one in tries:
        begun, spent = one.get("started"), float(one.get("seconds") or 0.0)
        begun = at if begun is None else float(begun)
        at = begun + spent
        won = one.get("state") in ("won", "completed", "ok")
        bar = _bar(begun / total, spent / total, one.get("first_content"), spent, cells)
        lines.append(
            crop([Span(f" {fit(clean(one.get('target')), label)} "), *bar, Span(" "), *_verdict(one, won)], room)
        )
        if why := clean(one.get("why")):
            lines.append(crop([Span(f" {'':{label}} {why}", "dim")], room))
    if not lines:
        waits = "waiting for the first attempt to end" if record.running else "no attempt was made"
        lines.append([Span(f" {waits}", "dim")])
    return lines


def _bar(start: float, share: float, first: float | None, spent: float, cells: int) -> list[Span]:
    """Waiting is light, content is solid: the same bar without colour."""
    before = min(cells - 1, max(0, round(start * cells)))
    long = max(1, min(cells - before, round(share * cells)))
    wait = long if first is None else min(long, round(long * min(1.0, first / spent))) if spent > 0 else 0
    rest = cells - before - long
    return [Span(" " * before), Span("░" * wait, "accent"), Span("█" * (long - wait), "accent"), Span(" " * rest)]


def _verdict(one: Mapping[str, Any], won: bool) -> list[Span]:
    spent = figures.seconds(one.get("seconds"))
    status, error = one.get("status"), clean(one.get("error"))
    if won and not error:
        first = one.get("first_content")
        told = f"first token {figures.seconds(first)}, " if first is not None else ""
        return [Span(f"✓ {told}done {spent}", "good")]
    what = " ".join(str(part) for part in (status, error) if part) or clean(one.get("state")) or "failed"
    return [Span(f"✗ {what} after {spent}", "bad" if (status or 500) >= 500 else "warn")]


def _reasons(record: Record, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [("tokens", _tokens(record)), ("money", _money(record, said))]
    notes = said.get("notes") or record.notes
    for who, words in notes:
        found.append((f"why: {clean(who)}", clean(words)))
    if record.code:
        found.append(("error code", record.code))
    labels = {**record.labels, **(said.get("labels") or {})}
    if labels:
        found.append(("labels", " · ".join(f"{clean(name)}: {clean(word)}" for name, word in labels.items())))
    if translation := clean(said.get("translation") or record.translation):
        found.append(("translation", translation))
    if record.tags:
        found.append(("tags", " ".join(record.tags)))
    for body in ("request", "reply"):
        if text := (said.get("bodies") or {}).get(body):
            found.append((body, clean(text)))
    return found


def _tokens(record: Record) -> str:
    if not record.tokens:
        return f"about {record.output} out so far" if record.output else "none told"
    cached = record.tokens.get("cache_read", 0)
    thought = record.tokens.get("reasoning", 0)
    told = f"{record.input} in" + (f" ({cached} cached)" if cached else "")
    told += f" · {record.output} out" + (f" ({thought} reasoning)" if thought else "")
    return told + (f" · {record.speed:.0f} a second" if record.speed else "")


def _money(record: Record, said: Mapping[str, Any]) -> str:
    if record.cost is None and not record.running:
        return "unpriced: no plugin knows what this target costs; set one in [prices]"
    told = "settled when it ends" if record.running else figures.money(record.cost)
    if source := clean((said.get("price") or {}).get("source")):
        told += f" · price from {source}"
    if record.saved:
        told += f" · {figures.money(record.saved)} saved"
    held = said.get("held") or {}
    if held:
        told += " · held " + ", ".join(f"{_held(name, amount)}" for name, amount in held.items())
    return told


def _held(name: str, amount: Any) -> str:
    if isinstance(amount, int | float) and name in ("cost", "money", "usd", "nano_usd"):
        return figures.money(amount)
    return f"{clean(amount)} {clean(name)}"
