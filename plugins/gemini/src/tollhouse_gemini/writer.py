"""Turns neutral events into Gemini's parts: text as it comes, calls whole, signatures where Gemini puts them."""

from __future__ import annotations

from typing import Any

from tollhouse.neutral import Delta, Happening, Opaque, PartStart, Path

from .fields import NAME
from .ids import given_id
from .signatures import write_signature
from .structs import arguments

Written = tuple[int, Any]
"""A part of a choice."""


class _Choice:
    """What of one choice waits: calls until their arguments are whole, a thought's signature for its place."""

    __slots__ = ("calls", "kinds", "signature", "thought")

    def __init__(self) -> None:
        self.kinds: dict[int, str] = {}
        self.calls: dict[int, list[str]] = {}
        self.signature = ""
        self.thought = False
        """Whether the waiting signature's thought had words."""


class Writer:
    """The parts of a reply. Calls are written when something else begins, or at the end: until then any of them
    may still grow."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}

    def write(self, happening: Happening) -> list[Written]:
        """The parts that this event makes."""
        match happening:
            case PartStart(kind="tool_call"):
                choice = self._choice(happening.choice)
                choice.kinds[happening.index] = "tool_call"
                choice.calls[happening.index] = [happening.id, happening.name, ""]
                return []
            case PartStart():
                out = self._flush(happening.choice)
                choice = self._choice(happening.choice)
                choice.kinds[happening.index] = happening.kind
                if isinstance(happening.opaque, Opaque) and happening.opaque.dialect == NAME:
                    out.append((happening.choice, happening.opaque.raw))
                return out
            case Delta():
                return self._delta(happening)
        return []

    def flush(self) -> list[Written]:
        """What waits, of every choice."""
        return [written for number in sorted(self._choices) for written in self._flush(number)]

    def _choice(self, number: int) -> _Choice:
        return self._choices.setdefault(number, _Choice())

    def _delta(self, delta: Delta) -> list[Written]:
        choice = self._choice(delta.choice)
        kind = choice.kinds.get(delta.index) or _kind_at(delta.path)
        if kind == "tool_call":
            choice.calls.setdefault(delta.index, ["", "", ""])[2] += delta.text
            return []
        out: list[Written] = []
        if delta.text and kind == "thinking":
            choice.thought = True
            out.append((delta.choice, {"text": delta.text, "thought": True}))
        elif delta.text and kind in ("text", "refusal"):
            out.append((delta.choice, {"text": delta.text}))
        choice.signature += delta.signature
        return out

    def _flush(self, number: int) -> list[Written]:
        choice = self._choice(number)
        signature, choice.signature = write_signature(choice.signature), ""
        thought, choice.thought = choice.thought, False
        out: list[Written] = []
        for id_, name, text in choice.calls.values():
            function: dict[str, Any] = {"name": name, "args": arguments(text)}
            if given := given_id(id_):
                function["id"] = given
            part: dict[str, Any] = {"functionCall": function}
            if signature:
                part["thoughtSignature"], signature = signature, ""
            out.append((number, part))
        choice.calls.clear()
        if signature:
            aside = {"thought": True} if thought else {}
            out.append((number, {"text": "", **aside, "thoughtSignature": signature}))
        return out


def joined(parts: list[Any]) -> list[Any]:
    """The parts of a whole reply: pieces of one text are one part, and take the signature that follows them."""
    out: list[Any] = []
    for part in parts:
        last = out[-1] if out else None
        if (
            isinstance(part, dict)
            and isinstance(last, dict)
            and "text" in part
            and "text" in last
            and "thoughtSignature" not in last
            and ("thought" in part) == ("thought" in last)
        ):
            out[-1] = {**last, **part, "text": last["text"] + part["text"]}
        else:
            out.append(part)
    return out


def _kind_at(path: Path) -> str:
    """What a part is whose beginning was forwarded, told by where its delta stood."""
    return "tool_call" if "functionCall" in path else "text"
