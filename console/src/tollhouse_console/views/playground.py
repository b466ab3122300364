"""The conversation of the playground as lines."""

from __future__ import annotations

from .. import figures
from ..model.chat import Chat, Turn
from ..model.house import House
from ..text import Line, Span, clean, crop, wrap
from .page import Page, missing, words


def page(house: House, chat: Chat, room: int) -> Page:
    """Every turn, with what it took and cost below it."""
    found = Page()
    if not chat.turns:
        found.add(
            [], *words("Say something to a model; the answer streams in, with its time and cost.", room, "bold", 2)
        )
        found.add(*words("The request goes through the gateway as any other: see it on screen 1.", room, "dim", 2))
        if (gap := missing(house.answer("models"), "admin", "models", room)) is not None:
            found.add([], *gap)
    for turn in chat.turns:
        found.add([], *_turn(turn, room))
    return found


def _turn(turn: Turn, room: int) -> list[Line]:
    mine = turn.role == "user"
    lines: list[Line] = [[Span(" you" if mine else f" {turn.target or 'model'}", "accent" if mine else "good")]]
    for part in turn.thought.splitlines():
        lines += [[Span(f"   {line}", "dim")] for line in wrap(clean(part), room - 5)]
    for part in turn.text.splitlines() or [""]:
        lines += [[Span(f"   {line}")] for line in wrap(clean(part), room - 5)]
    if turn.trouble:
        lines += [[Span(f"   ✗ {line}", "bad")] for line in wrap(turn.trouble, room - 7)]
    if not turn.done:
        lines.append([Span("   ▸ streaming · esc stops it", "accent")])
    elif not mine and turn.seconds is not None and not turn.trouble:
        lines.append(crop([Span(f"   {_facts(turn)}", "dim")], room))
    return lines


def _facts(turn: Turn) -> str:
    said = [f"first token {figures.seconds(turn.ttft)}", f"{figures.seconds(turn.seconds)} in all"]
    if turn.output is not None:
        said.append(f"{figures.count(turn.input)} in, {figures.count(turn.output)} out")
    said.append(f"cost {figures.money(turn.cost)}" if turn.cost is not None else "cost not told")
    return " · ".join(said)
