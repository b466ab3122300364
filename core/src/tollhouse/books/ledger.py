"""`tollhouse ledger`: its rows as a file, and an end to its old months."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import IO, TYPE_CHECKING, Any

from ..commands import config_option, with_gateway
from .asked import WHEN, day, filters, ledger_of, moment, span_options, until
from .table import exact

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..store import Row, Store

PAGE = 1000


def add(parser: argparse.ArgumentParser) -> None:
    """Export the ledger, one row an exchange, or delete its old months."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, build in (("export", _export), ("trim", _trim)):
        words = (build.__doc__ or "").splitlines()[0]
        build(commands.add_parser(name, help=words, description=words))


def _export(parser: argparse.ArgumentParser) -> None:
    """Print the ledger's rows, newest first."""
    config_option(parser)
    span_options(parser, "30d")
    parser.add_argument(
        "--format", choices=("jsonl", "csv"), default="jsonl", help="JSON lines with money in nano-USD, or CSV in USD"
    )
    parser.set_defaults(run=lambda args: with_gateway(args, lambda gateway: export(gateway, args)))


def _trim(parser: argparse.ArgumentParser) -> None:
    """Delete whole months (UTC) of the ledger, rows and sums."""
    config_option(parser)
    before = parser.add_mutually_exclusive_group(required=True)
    before.add_argument("--before", type=moment, metavar=WHEN, help="months that ended by then")
    before.add_argument("--keep", dest="before", type=moment, metavar="90d", help="months that ended so long ago")
    parser.set_defaults(run=lambda args: with_gateway(args, lambda gateway: trim(gateway, args.before)))


async def export(gateway: Gateway, args: argparse.Namespace) -> int:
    """Write the rows to standard output as they are read; who closes it early ends the work without complaint."""
    from ..store.arguments import COLUMNS

    where = filters(args, COLUMNS)
    store = ledger_of(gateway)
    write = as_csv(sys.stdout) if args.format == "csv" else as_lines(sys.stdout)
    try:
        async for row in rows(store, args.since, until(args), where):
            write(row)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go, and Python would say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def rows(store: Store, since: float, end: float, where: dict[str, str]) -> AsyncIterator[Row]:
    """All rows of a span, newest first, a page at a time."""
    after = ""
    while page := await store.rows(since, end, where, after=after, limit=PAGE):
        for row in page:
            yield row
        after = page[-1].id


async def trim(gateway: Gateway, before: float) -> int:
    """Forget the months that ended by then."""
    from ..store.tally import month_of

    store, start, deleted, begun = ledger_of(gateway), month_of(before), 0, time.monotonic()
    while portion := await store.forget(before):
        deleted += portion
        if sys.stderr.isatty() and time.monotonic() - begun > 1:
            print(f"\r{deleted:,} rows", end="", file=sys.stderr, flush=True)
    print(f"{deleted:,} rows from before {day(start)} (UTC) were deleted.")
    return 0


def as_lines(out: IO[str]) -> Callable[[Row], None]:
    """A writer of JSON lines; every field is there, `cost` null for what has no price."""

    def write(row: Row) -> None:
        out.write(json.dumps({name: getattr(row, name) for name in row.__struct_fields__}, ensure_ascii=False) + "\n")

    return write


def as_csv(out: IO[str]) -> Callable[[Row], None]:
    """A writer of CSV with a head: a column a bucket of tokens, money in USD, the attempts as JSON."""
    from ..usage import BUCKETS

    writer = csv.writer(out, lineterminator="\n")
    before = ("id", "at", "outcome", "key", "user", "team", "model", "target", "provider")
    behind = ("usage_source", "request_id")
    money = ("cost_usd", "saved_usd")
    writer.writerow([*before, *(f"{bucket}_tokens" for bucket in BUCKETS), *money, *behind, "tags", "attempts"])

    def write(row: Row) -> None:
        tokens: list[Any] = [row.tokens.get(bucket, "") for bucket in BUCKETS]
        amounts = [exact(row.cost), exact(row.saved)]
        said = [[getattr(row, name) for name in names] for names in (before, behind)]
        writer.writerow([*said[0], *tokens, *amounts, *said[1], " ".join(row.tags), json.dumps(row.attempts)])

    return write
