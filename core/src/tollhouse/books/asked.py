"""What the commands about the ledger share: times, filters, and the store they may read."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..store import Store

WHEN = "7d|DATE"


def span_options(parser: argparse.ArgumentParser, since: str) -> None:
    """Add `--since`, `--until` and `--where`."""
    parser.add_argument(
        "--since",
        type=moment,
        default=since,
        metavar=WHEN,
        help=f"from then on: a span back from now, or a date or time (UTC unless it says otherwise); default {since}",
    )
    parser.add_argument("--until", type=moment, metavar=WHEN, help="up to then, itself excluded; default now")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="only rows that say so, such as key=ci; may be given several times",
    )


def moment(text: str) -> float:
    """Unix seconds of a span back from now (`7d`, `12h`) or a date or time in ISO 8601, UTC unless it has an offset."""
    from ..config import Duration

    try:
        return time.time() - Duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'"{text}" is neither a span such as 7d nor a date such as 2026-01-31'
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def until(args: argparse.Namespace) -> float:
    """The end of the span; without one, late enough for what is being booked right now."""
    return float(args.until if args.until is not None else time.time() + 3600)


def filters(args: argparse.Namespace, columns: Iterable[str]) -> dict[str, str]:
    """The `--where`s; raises ConfigError for another column."""
    columns = tuple(columns)
    pairs = [word.partition("=") for word in args.where]
    for column, equals, _ in pairs:
        if column not in columns or not equals:
            raise ConfigError(
                f'--where wants COLUMN=VALUE, not "{column}{equals}".', hint=f"Columns: {', '.join(columns)}."
            )
    return {column: value for column, _, value in pairs}


def ledger_of(gateway: Gateway) -> Store:
    """The store whose ledger is meant; raises ConfigError when no other process can see it."""
    settings = gateway.edition.config.store
    if settings.url.startswith("memory:"):
        raise ConfigError(
            "this ledger is in the memory of the gateway's own process, which no command can read.",
            path="store.url",
            hint='Keep it in a file: url = "sqlite:.tollhouse/state.db".',
        )
    return gateway.store


def day(at: float) -> str:
    """A unix time as a date, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def minute(at: float) -> str:
    """A unix time as date and time, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
