"""A reply as its message: the events of a stream, however it came, with each part said at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from tollhouse import Usage
from tollhouse.neutral import (
    Delta,
    End,
    Extra,
    Finish,
    Happening,
    PartEnd,
    PartStart,
    Start,
    Used,
    Vectors,
)

Said: TypeAlias = Start | PartStart | Delta | PartEnd | Finish | Used | Vectors | End
"""What a complete reply is made of."""

DELIVERED = ("stop", "tool_calls")
"""Reasons to finish of a choice that said all it had to say."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Said]).decode


class _Part(Struct):
    start: PartStart
    text: list[str]
    signature: str = ""
    opaque: str = ""
    extra: Extra | None = None


def message(happenings: Iterable[Happening]) -> list[Said]:
    """The fewest events that fold to the same reply: a part is one start, one delta and one end, in the order in
    which parts began."""
    begun: Start | None = None
    parts: dict[tuple[int, int], _Part] = {}
    finishes: dict[int, Finish] = {}
    usage: Usage | None = None
    vectors: Vectors | None = None
    for happening in happenings:
        match happening:
            case Start():
                begun = happening
            case PartStart():
                parts[happening.choice, happening.index] = _Part(happening, [])
            case Delta():
                place = happening.choice, happening.index
                part = parts.get(place)
                if part is None:  # a relay may write into a part whose beginning it kept
                    start = PartStart(index=happening.index, choice=happening.choice, kind="text")
                    part = parts[place] = _Part(start, [])
                part.text.append(happening.text)
                part.signature += happening.signature
                part.opaque += happening.opaque
            case PartEnd(extra=Extra() as extra):
                if (ended := parts.get((happening.choice, happening.index))) is not None:
                    ended.extra = extra
            case Finish():
                finishes[happening.choice] = happening
            case Used():
                usage = usage.merged(happening.usage) if usage else happening.usage
            case Vectors():
                vectors = happening
            case _:
                pass
    out: list[Said] = [] if begun is None else [begun]
    for part in parts.values():
        out += _written(part)
    out += [finishes[choice] for choice in sorted(finishes)]
    out += [] if vectors is None else [vectors]
    out += [] if usage is None else [Used(usage=usage)]
    return [*out, End()]


def _written(part: _Part) -> list[Said]:
    start = part.start
    out: list[Said] = [start]
    text = "".join(part.text)
    if text or part.signature or part.opaque:
        out.append(
            Delta(index=start.index, choice=start.choice, text=text, signature=part.signature, opaque=part.opaque)
        )
    return [*out, PartEnd(index=start.index, choice=start.choice, extra=part.extra)]


def why_not(said: Iterable[Happening]) -> str:
    """Why a complete reply is not kept; empty when it is."""
    finished = answered = False
    for one in said:
        match one:
            case Finish(reason=reason) if reason not in DELIVERED:
                return f"it finished by `{reason}`"
            case PartStart(kind="refusal"):
                return "the model declined"
            case Finish():
                finished = True
            case Vectors(vectors=vectors):
                answered = bool(vectors)
            case _:
                pass
    return "" if finished or answered else "it says nothing"


def encode(said: list[Said]) -> bytes:
    """A message as JSON: what dialects keep as raw JSON stays what it is."""
    return _encode([_without_empty_raw(one) for one in said])


def decode(data: bytes) -> list[Said]:
    """The message that was encoded. Raises msgspec.DecodeError."""
    return _decode(data)


def anew(happening: Any, created: int) -> Any:
    """What is said to a further caller: a reply's beginning without the id that was the first one's."""
    return replace(happening, id="", created=created) if isinstance(happening, Start) else happening


def _without_empty_raw(one: Said) -> Said:
    """Usage without the upstream's own words has an empty raw value, which is not JSON."""
    if isinstance(one, Used) and not one.usage.raw:
        usage = one.usage
        return Used(usage=Usage(**usage.buckets(), source=usage.source))  # type: ignore[arg-type]  # counts and a word
    return one
