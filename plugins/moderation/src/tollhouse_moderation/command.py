"""`tollhouse moderate`: rules tried on files of texts, and how well they do against labels."""

from __future__ import annotations

import argparse
import asyncio
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from tollhouse import ConfigError
from tollhouse.config import validate

from .settings import Level, Rule, Short

if TYPE_CHECKING:
    from .scores import Score

DEFAULT = ("pii", "secrets", "injection")


def moderate(parser: argparse.ArgumentParser) -> None:
    """Try rules on labelled texts and print precision, recall and F1."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON lines, JSON, CSV, TSV, .gz or not")
    parser.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="RULE",
        help='a rule as in gateway.toml: pii, or \'{ check = "terms", terms = ["x"] }\'; may be given again; default '
        + ", ".join(DEFAULT),
    )
    parser.add_argument("--text", default="", metavar="COLUMN", help="the column of the text; default a usual name")
    parser.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column that says whether something should be found; may be given again; without one, always",
    )
    parser.add_argument("--spans", default="", metavar="COLUMN", help="a column of marked spans to compare with")
    parser.add_argument(
        "--kinds",
        default="",
        metavar="NAME=KIND,...",
        help="what the marked spans are called here: EMAIL_ADDRESS=EMAIL,...",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="texts in which nothing should be found; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from .checks import builtin
    from .datasets import read
    from .policy import Active, Policies
    from .scores import by_span, by_text

    makers = Policies(builtin(), last=False)
    rules = [
        Active(number, rule, makers.make(rule, "--rules")) for number, rule in enumerate(parsed(args.rules or DEFAULT))
    ]
    samples = [
        sample
        for paths, harmless in ((args.files, False), (args.without, True))
        for path in paths
        for sample in read(path, text=args.text, labels=args.labels, spans=args.spans, harmless=harmless)
    ]
    kinds = dict(pair.split("=", 1) for pair in args.kinds.split(",") if "=" in pair)
    if args.spans and not kinds:
        raise ConfigError("marked spans need --kinds.", path="--spans", hint="As in --kinds EMAIL_ADDRESS=EMAIL.")
    scores = asyncio.run(by_span(rules, samples, kinds) if args.spans else by_text(rules, samples))
    if args.json:
        for score in scores:
            print(msgspec.json.encode(_plain(score)).decode())
        return 0
    for line in table(scores):
        print(line)
    return 0


def parsed(words: list[str] | tuple[str, ...]) -> list[Rule]:
    """Rules as the command line says them. Raises ConfigError."""
    rules = []
    for word in words:
        said: object = word
        if word.lstrip().startswith("{"):
            try:
                said = tomllib.loads(f"rule = {word}")["rule"]
            except tomllib.TOMLDecodeError as error:
                raise ConfigError(f"{word!r} is no table: {error}", path="--rules") from None
        [made] = validate(Level, [said], "--rules")
        rules.append(made.rule if isinstance(made, Short) else made)
    return rules


def _plain(score: Score) -> dict[str, object]:
    names = ("rule", "label", "texts", "positive", "right", "wrong", "missed", "precision", "recall", "f1")
    return {name: getattr(score, name) for name in names}


def table(scores: list[Score]) -> list[str]:
    """The lines of a table for people."""
    heads = ("rule", "label", "texts", "to find", "found", "wrongly", "precision", "recall", "F1")
    rows: list[tuple[str, ...]] = [heads]
    for one in map(_plain, scores):
        rows.append(
            (
                str(one["rule"]),
                str(one["label"]),
                str(one["texts"]),
                str(one["positive"]),
                str(one["right"]),
                str(one["wrong"]),
                *("-" if one[name] is None else f"{one[name]:.2f}" for name in ("precision", "recall", "f1")),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
