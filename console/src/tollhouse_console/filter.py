"""The filter language: `team:blue status:>=400 model:gpt* -cache:hit "timed out"`, every term of which must hold."""

from __future__ import annotations

import difflib
import fnmatch
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .model.record import Record

Values = Callable[[Record], Sequence[str]]
Number = Callable[[Record], float | None]

WORDS: dict[str, Values] = {
    "id": lambda one: (one.id, one.request_id),
    "team": lambda one: (one.team,),
    "key": lambda one: (one.key,),
    "user": lambda one: (one.user,),
    "tag": lambda one: one.tags,
    "model": lambda one: (one.model,),
    "target": lambda one: (one.target,),
    "provider": lambda one: (one.target.partition("/")[0],),
    "outcome": lambda one: (one.outcome,),
    "code": lambda one: (one.code,),
    "dialect": lambda one: (one.dialect,),
    "task": lambda one: (one.task,),
    "cache": lambda one: (one.cache,),
    "origin": lambda one: (one.origin,),
    "worker": lambda one: (one.worker,),
    "is": lambda one: one.traits,
}
"""Fields that hold words, and what a record says there."""

NUMBERS: dict[str, Number] = {
    "status": lambda one: one.status or None,
    "ttft": lambda one: one.ttft,
    "seconds": lambda one: one.seconds,
    "speed": lambda one: one.speed,
    "input": lambda one: one.input,
    "output": lambda one: one.output,
    "tokens": lambda one: (one.input or 0) + (one.output or 0),
    "cost": lambda one: None if one.cost is None else one.cost / 1e9,
    "attempts": lambda one: one.attempts,
}
"""Fields that hold numbers: seconds, tokens, USD."""

TRAITS = ("running", "ended", "stream", "error", "unpriced", "failover", "cached", "blocked")
"""What `is:` knows."""

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_TERM = re.compile(r'(?P<not>[-!])?(?:(?P<field>[A-Za-z_]+):)?(?P<value>(?:"[^"]*"?|[^\s"])*)')
_NUMBER = re.compile(r"(>=|<=|>|<|=)?\$?(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h|k|M)?")
_SCALE = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "k": 1e3, "M": 1e6}
_TIMED = ("ttft", "seconds")


class FilterError(ValueError):
    """A filter that cannot be read. `at` is where in the text, from 0; the message says what would do."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: `field` is empty for free text; several `wanted` are alternatives."""

    field: str
    wanted: tuple[str, ...]
    unwanted: bool = False

    def __str__(self) -> str:
        said = ",".join(f'"{one}"' if not one or re.search(r"[\s,:\"]|^[-!]", one) else one for one in self.wanted)
        return ("-" if self.unwanted else "") + (f"{self.field}:" if self.field else "") + said

    def fits(self, record: Record) -> bool:
        """Whether the record is what is wanted."""
        return self._holds(record) != self.unwanted

    def _holds(self, record: Record) -> bool:
        if not self.field:
            return any(one.casefold() in record.words for one in self.wanted)
        if self.field in NUMBERS:
            value = NUMBERS[self.field](record)
            return any(_compare(value, one) for one in self.wanted)
        values = [value.casefold() for value in WORDS[self.field](record)]
        return any(_same(value, one.casefold()) for one in self.wanted for value in values or [""])


@dataclass(frozen=True, slots=True)
class Filter:
    """What rows to show; made by `parse`. Without terms it shows all."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def fits(self, record: Record) -> bool:
        """Whether the record is shown."""
        return all(term.fits(record) for term in self.terms)


def parse(text: str) -> Filter:
    """Read a filter. Raises FilterError for an unknown field, a bad number or a quote that is left open."""
    terms, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        if found is None or found.end() == at:
            raise FilterError(f"{text[at]!r} begins no term; write field:value or words", at)
        terms.append(_term(found))
        at = found.end()
    return Filter(tuple(terms))


def _term(found: re.Match[str]) -> Term:
    raw, field, at = found["value"], (found["field"] or "").lower(), found.start()
    if raw.count('"') % 2:
        raise FilterError("a quote is left open; end it with another", found.start("value"))
    wanted = tuple(_alternatives(raw))
    if field and field not in WORDS and field not in NUMBERS:
        near = difflib.get_close_matches(field, [*WORDS, *NUMBERS], 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join([*WORDS, *NUMBERS])}"
        raise FilterError(f"no field {field!r}; {hint}", at)
    if not any(wanted) and '"' not in raw:
        example = "status:>=400" if field in NUMBERS else f"{field}:something"
        raise FilterError(f"nothing is asked of {field}; write {example}" if field else "a lone sign asks nothing", at)
    for one in wanted:
        if field in NUMBERS and not _readable(field, one):
            unit = "500ms or 2s" if field in _TIMED else "a number, such as >=400"
            raise FilterError(f"{field} is compared with {unit}, not {one!r}", found.start("value"))
        if field == "is" and not fnmatch.filter(TRAITS, one.lower()):
            raise FilterError(f"is: knows {', '.join(TRAITS)}, not {one!r}", found.start("value"))
    return Term(field, wanted, found["not"] is not None)


def _alternatives(raw: str) -> list[str]:
    """What stands between commas outside quotes, without the quotes."""
    parts, quoted = [""], False
    for letter in raw:
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part] or [""]


def _readable(field: str, text: str) -> bool:
    if field == "status" and re.fullmatch(r"[1-5]xx", text.lower()):
        return True
    found = _NUMBER.fullmatch(text)
    return found is not None and (field in _TIMED or found[3] not in ("ms", "s", "m", "h"))


def _compare(value: float | None, wanted: str) -> bool:
    if value is None:
        return False
    if wanted.lower().endswith("xx"):
        return int(value) // 100 == int(wanted[0])
    found = _NUMBER.fullmatch(wanted)
    assert found is not None
    return _COMPARED[found[1] or "="](value, float(found[2]) * _SCALE[found[3] or ""])


def _same(value: str, wanted: str) -> bool:
    return fnmatch.fnmatchcase(value, wanted) if any(sign in wanted for sign in "*?[") else value == wanted
