"""Reading labelled texts from files: JSON lines, JSON, CSV and TSV, packed by gzip or not, and lists of patterns."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from tollhouse import ConfigError

from .samples import sample

TEXTS = ("text", "full_text", "prompt", "content", "input", "question", "message")
"""Columns that hold the text, when none is named."""

_FALSE = frozenset({"", "0", "0.0", "false", "no", "none", "null", "safe", "benign"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with its labels: what is true of it, and the spans that are marked in it."""

    text: str
    labels: Mapping[str, bool]
    spans: Sequence[tuple[int, int, str]] = field(default=())


def read(path: Path, *, text: str, labels: Sequence[str], spans: str, harmless: bool) -> Iterator[Sample]:
    """The samples of a file. Without label columns every text is one that should be found, or, when `harmless`, one
    that should not. A missing label leaves the sample out of that label's count. Raises ConfigError."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        rows = list(_rows(path.name.removesuffix(".gz"), raw))
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ConfigError(f"it cannot be read: {error}", path=str(path)) from None
    for row in rows:
        said = _text(row, text, path)
        if harmless:
            yield Sample(said, dict.fromkeys(labels or ("found",), False))
        elif not labels:
            yield Sample(said, {"found": True}, _spans(row.get(spans)))
        else:
            yield Sample(said, {name: _true(row[name]) for name in labels if row.get(name) is not None})


def _rows(name: str, raw: bytes) -> Iterator[dict[str, Any]]:
    kind = name.rpartition(".")[2].lower()
    if kind in ("csv", "tsv"):
        yield from csv.DictReader(io.StringIO(raw.decode()), delimiter="\t" if kind == "tsv" else ",")
    elif kind == "toml":
        yield from _patterns(tomllib.loads(raw.decode()))
    elif kind in ("jsonl", "ndjson"):
        for line in raw.splitlines():
            if line.strip():
                yield _row(msgspec.json.decode(line))
    else:
        whole = msgspec.json.decode(raw)
        if isinstance(whole, dict):  # texts by what they are
            for label, texts in whole.items():
                for one in texts if isinstance(texts, list) else ():
                    yield {**_row(one), "label": label}
        else:
            for one in whole:
                yield _row(one)


def _row(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {"text": value if isinstance(value, str) else msgspec.json.encode(value).decode()}


def _patterns(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A text for each rule of a list of secret patterns: what its expression describes, made up by seeded dice."""
    for rule in document.get("rules", ()):
        dice = random.Random(str(rule.get("id")))  # noqa: S311  (examples, not secrets)
        made = sample(str(rule.get("regex", "")), dice)
        if made is not None:
            yield {"text": f"config: {made} end", "label": rule.get("id")}


def _text(row: dict[str, Any], name: str, path: Path) -> str:
    for column in (name,) if name else TEXTS:
        if isinstance(row.get(column), str):
            return str(row[column])
    known = ", ".join(sorted(row)[:10])
    raise ConfigError(
        f"there is no text in the column {name or ' or '.join(TEXTS)}; there are {known}.", path=str(path)
    )


def _spans(value: Any) -> list[tuple[int, int, str]]:
    found = []
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            start: Any = one.get("start", one.get("start_position", 0))
            end: Any = one.get("end", one.get("end_position", 0))
            kind = one.get("kind") or one.get("entity_type") or one.get("label") or ""
            found.append((int(start), int(end), str(kind)))
    return found


def _true(value: Any) -> bool:
    return bool(value) if not isinstance(value, str) else value.strip().lower() not in _FALSE
