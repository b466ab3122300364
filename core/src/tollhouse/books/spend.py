"""`tollhouse spend`: what was spent, by anything the ledger's rollups know."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..commands import config_option, with_gateway
from ..errors import ConfigError
from .asked import day, filters, ledger_of, minute, span_options, until
from .table import exact, table, usd

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..store import Sum

FIGURES = ("requests", "input", "output", "cost", "unpriced", "saved")
_HEAD = ("requests", "input", "output", "cost USD", "unpriced", "saved USD")
_PLAIN = ("requests", "input_tokens", "output_tokens", "cost_usd", "unpriced", "saved_usd")
_NAMED = 5


def add(parser: argparse.ArgumentParser) -> None:
    """Add up what was spent: requests, tokens and money by team, model or time."""
    config_option(parser)
    parser.add_argument(
        "--by",
        default="model",
        metavar="COLUMNS",
        help="key, user, team, model, target, provider, outcome, hour, day, separated by commas; default model",
    )
    span_options(parser, "30d")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV, money in USD")
    form.add_argument("--json", action="store_true", help="print JSON, money in nano-USD")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return with_gateway(args, lambda gateway: report(gateway, args))


async def report(gateway: Gateway, args: argparse.Namespace) -> int:
    """Print the sums that `args` asks for."""
    from ..store.arguments import DIMENSIONS

    by = [column for column in args.by.split(",") if column]
    for column in by:
        if column not in (*DIMENSIONS, "day"):
            raise ConfigError(
                f'there is no column "{column}" to sum by.', hint=f"Columns: {', '.join(DIMENSIONS)}, day."
            )
    where = filters(args, DIMENSIONS[:-1])
    store, since, end = ledger_of(gateway), args.since // 3600 * 3600, until(args)
    asked = list(dict.fromkeys("hour" if column == "day" else column for column in by))
    sums = in_order(by, grouped(by, asked, await store.sums(asked, since, end, where)))
    total = added_up(sums)
    if args.json:
        print(
            json.dumps({"since": since, "until": end, "by": by, "rows": [as_json(by, one) for one in sums]}, indent=2)
        )
    elif args.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([*by, *_PLAIN])
        writer.writerows([*labels(by, one), *figures(one)] for one in sums)
    else:
        missing = [one for one in await store.sums(["target"], since, end, where) if one.unpriced]
        print(f"{minute(since)} UTC to {f'{minute(end)} UTC' if args.until is not None else 'now'}\n")
        print(drawn(by, sums, total) if sums else "Nothing was booked.")
        for line in unpriced(total, missing):
            print(line)
    return 0


def grouped(by: Sequence[str], asked: Sequence[str], sums: Sequence[Sum]) -> list[Sum]:
    """The store's sums by the columns that were asked for: a day is 24 of its hours."""
    groups: dict[tuple[str, ...], list[Sum]] = {}
    for one in sums:
        said = dict(zip(asked, one.by, strict=True))
        if "hour" in said:
            said["day"] = day(int(said["hour"]))
        groups.setdefault(tuple(said[column] for column in by), []).append(one)
    return [added_up(many, group) for group, many in groups.items()]


def added_up(sums: Sequence[Sum], by: tuple[str, ...] = ()) -> Sum:
    """Many sums as one."""
    from ..store import Sum

    return Sum(by=by, **{name: sum(getattr(one, name) for one in sums) for name in FIGURES})


def in_order(by: Sequence[str], sums: Sequence[Sum]) -> list[Sum]:
    """Oldest first where time is asked for, else most cost first."""
    times = [index for index, column in enumerate(by) if column in ("hour", "day")]
    return sorted(sums, key=lambda one: ([one.by[index] for index in times], -one.cost, -one.requests, one.by))


def drawn(by: Sequence[str], sums: Sequence[Sum], total: Sum) -> str:
    """The table with its total."""
    every = [*sums, total]
    costs, savings = usd([one.cost for one in every]), usd([one.saved for one in every])
    rows = [
        [
            *(labels(by, one) if one is not total else ["total", *[""] * len(by)][: len(by)]),
            *(f"{count:,}" for count in (one.requests, one.input, one.output)),
            # What has no price at all shows none: 0.00 would be a claim.
            *("unpriced" if one.requests and one.unpriced == one.requests else cost, f"{one.unpriced:,}", saved),
        ]
        for one, cost, saved in zip(every, costs, savings, strict=True)
    ]
    return table([*by, *_HEAD], rows, len(by), total=bool(by))


def unpriced(total: Sum, targets: Sequence[Sum]) -> list[str]:
    """The warning about what is missing in the sums."""
    if not total.unpriced:
        return []
    worst = sorted(targets, key=lambda one: -one.unpriced)
    names = ", ".join(f"{one.by[0] or 'no target'} ({one.unpriced:,})" for one in worst[:_NAMED])
    more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
    calls = "1 request has" if total.unpriced == 1 else f"{total.unpriced:,} requests have"
    return [f"\n{calls} no price and cost more than shown here: {names}{more}."]


def labels(by: Sequence[str], one: Sum) -> list[str]:
    """What a row is about."""
    return [minute(int(value)) if column == "hour" else value or "-" for column, value in zip(by, one.by, strict=True)]


def figures(one: Sum) -> list[str | int]:
    """A row's numbers for a spreadsheet."""
    return [one.requests, one.input, one.output, exact(one.cost), one.unpriced, exact(one.saved)]


def as_json(by: Sequence[str], one: Sum) -> dict[str, str | int]:
    """A row for a program."""
    said: dict[str, str | int] = {
        column: int(value) if column == "hour" else value for column, value in zip(by, one.by, strict=True)
    }
    return said | {
        "requests": one.requests,
        "input_tokens": one.input,
        "output_tokens": one.output,
        "cost_nano_usd": one.cost,
        "unpriced": one.unpriced,
        "saved_nano_usd": one.saved,
    }
